// The applications and the files, to choose from.

import { badge, byId, counted, element, fill } from "./dom.js";

const SOURCES = { sample: "samples", case: "golden cases", file: "files", dropped: "dropped here" };

function applicationBadge(row, is_complete) {
  if (row.error) return badge("can't be read", "error");
  if (row.refused) return badge("refused", "error");
  if (row.findings) return badge(counted(row.findings, "finding"), "warning");
  if (row.changed) return badge("changed", "changed");
  return is_complete ? null : badge("…");
}

/** The applications by where they come from. */
export function applications(summary, current, choose) {
  let source = null;
  const items = summary.applications.flatMap((row) => {
    const heading = row.source === source ? [] : [element("li", { class: "group" }, SOURCES[row.source] || row.source)];
    source = row.source;
    const button = element("button", { type: "button", "data-key": row.name, "aria-current": row.name === current ? "true" : null, onclick: () => choose(row.name), title: row.error },
      element("span", { class: "name" }, row.name), applicationBadge(row, summary.is_complete));
    return [...heading, element("li", {}, button)];
  });
  fill(byId("applications"), items);
}

function fileButton(name, shown, current, choose, badges) {
  return element("li", {}, element("button", { type: "button", "data-key": name, "aria-current": name === current ? "true" : null, onclick: () => choose(name) },
    element("span", { class: "name mono" }, shown), badges));
}

/** The files by set, each with the counts of what was found in it; the built-in ones folded away. */
export function files(summary, builtin, current, choose) {
  const was_open = byId("files").querySelector("details")?.open;
  const groups = new Map();
  for (const file of summary.files) groups.set(file.set, [...(groups.get(file.set) || []), file]);
  for (const set of summary.sets) if (!groups.has(set.name) && set.errors) groups.set(set.name, []);
  const lists = [...groups].map(([set, rows]) => {
    const id = summary.sets.find((known) => known.name === set)?.id;
    const heading = set === "always" ? "always: for every set" : id || set;
    return element("ul", { class: "list" }, element("li", { class: "group" }, heading), rows.map((file) => fileButton(
      file.name, file.name.slice(file.name.lastIndexOf("/") + 1), current, choose,
      [file.errors ? badge(counted(file.errors, "error"), "error") : null, file.warnings ? badge(counted(file.warnings, "warning"), "warning") : null])));
  });
  if (lists.length === 0) lists.push(element("p", { class: "group" }, "No template yet: save one into the directory."));
  const details = element("details", {}, element("summary", {}, "built-in"),
    element("ul", { class: "list" }, builtin.map((name) => fileButton(name, name.slice("builtin/".length), current, choose, null))));
  details.open = Boolean(was_open) || String(current).startsWith("builtin/");
  fill(byId("files"), lists, details);
}
