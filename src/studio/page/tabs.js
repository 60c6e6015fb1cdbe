// What the tabs show. Each takes what the server answered, and gives elements.

import { badge, copy, counted, element } from "./dom.js";

const pretty = (text) => text.replace(/\n$/, "");

/** The objects that differ, field by field. */
export function difference(found) {
  const top = [element("p", { class: "empty" }, found.error || (found.objects.length === 0 ? `No difference to ${found.with}.` : `${counted(found.objects.length, "object")} different from ${found.with}.`))];
  if (found.note) top.push(element("p", { class: "empty" }, found.note));
  const objects = found.objects.map((object) => {
    const heading = element("h3", {}, object.object, " ", badge(object.change, object.change === "removed" ? "error" : object.change === "added" ? "good" : "changed"));
    const fields = object.fields.map((field) => element("div", { class: "field" }, field.path ? element("code", {}, field.path) : null,
      field.from === null ? null : element("div", { class: "was" }, pretty(field.from)),
      field.to === null ? null : element("div", { class: "is" }, pretty(field.to))));
    return element("section", { class: "object" }, heading, element("div", { class: "block fields" }, fields));
  });
  return [...top, ...objects];
}

/** What policies said of the application, and which of all calls fired. */
export function policies(view, summary, open) {
  const place = (file, line) => element("button", { type: "button", class: "link mono", onclick: () => open(file, line) }, line ? `${file}:${line}` : file);
  const said = view.verdicts.map((verdict) => element("div", { class: "block" }, element("p", {},
    badge(verdict.refuses ? (verdict.audit ? "would refuse (audit)" : "refuses") : "warns", verdict.refuses && !verdict.audit ? "error" : "warning"), " ", verdict.text),
    element("p", {}, place(verdict.policy, verdict.line))));
  const warnings = view.warnings.map((text) => element("div", { class: "block" }, element("p", {}, badge("warning", "warning"), " ", text)));
  const mine = [...said, ...warnings];
  const calls = summary.coverage.map((call) => element("tr", {},
    element("td", {}, place(call.file, call.line)),
    element("td", {}, call.function),
    element("td", {}, call.fired_for.length === 0 ? badge("never", "warning") : call.fired_for.join(", "))));
  return [
    mine.length ? mine : element("p", { class: "empty" }, "No policy says anything about this application."),
    element("section", { class: "object" }, element("h3", {}, "For all applications"),
      calls.length === 0
        ? element("p", { class: "empty" }, summary.is_complete ? "These templates call refuse() and warn() nowhere." : "All applications are being tried…")
        : element("table", {}, element("thead", {}, element("tr", {}, ["call", "function", "fired for"].map((name) => element("th", { scope: "col" }, name)))), element("tbody", {}, calls))),
  ];
}

/** Applications against what a change does to them. */
export function matrix(summary, current, choose) {
  const note = summary.baseline_error || (summary.baseline ? `Changed: compared with ${summary.baseline}.` : "All applications are being tried…");
  const rows = summary.applications.map((row) => element("tr", { "aria-current": row.name === current ? "true" : null },
    element("td", {}, element("button", { type: "button", "data-key": row.name, class: "link", onclick: () => choose(row.name) }, row.name)),
    element("td", {}, row.set),
    element("td", {}, row.findings ? badge(row.findings, "warning") : "–"),
    element("td", {}, row.changed === null ? (row.refused || !summary.is_complete ? "–" : "refused before") : row.changed ? badge(counted(row.changed, "object"), "changed") : "–"),
    element("td", {}, row.error ? badge("can't be read", "error") : row.refused ? badge("refused", "error") : "–")));
  const heads = ["application", "set", "findings", "changed", "refused"];
  return [
    element("p", { class: "empty" }, note),
    element("table", { id: "matrix" }, element("thead", {}, element("tr", {}, heads.map((name) => element("th", { scope: "col" }, name)))), element("tbody", {}, rows)),
  ];
}

/** The variables, to be searched; a click copies the expression. */
export function variables(found, search, remember, tell) {
  const list = element("div", { class: "variables" });
  const show = (words) => {
    const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
    const shown = found.filter((variable) => {
      const text = `${variable.expression} ${variable.meaning} ${variable.value || ""}`.toLowerCase();
      return wanted.every((word) => text.includes(word));
    });
    list.replaceChildren(...shown.map((variable) => element("div", { class: "variable" },
      element("div", { class: "first" },
        element("button", { type: "button", class: "link mono", title: "Copy the expression", onclick: async () => {
          if (await copy(`{{ ${variable.expression} }}`)) tell(`Copied {{ ${variable.expression} }}`);
        } }, variable.expression),
        element("span", { class: "type" }, variable.type)),
      variable.value === null ? null : element("div", { class: "value" }, variable.value),
      variable.meaning ? element("p", { class: "meaning" }, variable.meaning) : null)));
    if (shown.length === 0) list.append(element("p", { class: "empty" }, "No variable has these words."));
  };
  const input = element("input", { id: "search", class: "search", type: "search", placeholder: "Search names, meanings and values", "aria-label": "Search variables", value: search, oninput: () => { remember(input.value); show(input.value); } });
  show(search);
  return [element("div", { class: "block" }, input), list];
}
