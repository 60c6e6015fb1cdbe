// Text by lines: coloured, numbered, and to be chosen by mouse and by keyboard.

import { element } from "./dom.js";

const JINJA = /(\{#.*?#\}|\{[%{].*?[%}]\})/;
const KEY = /^(\s*(?:- )*)("(?:[^"\\]|\\.)*"|[^\s:#"'{[][^:#]*?)(:)(\s|$)(.*)$/;

/** A line's parts as spans. */
function coloured(line) {
  if (/^\s*#/.test(line)) return [element("span", { class: "comment" }, line)];
  return line.split(JINJA).filter(Boolean).flatMap((part) => {
    if (part.startsWith("{#")) return [element("span", { class: "comment" }, part)];
    if (part.startsWith("{%") || part.startsWith("{{")) return [element("span", { class: "tag" }, part)];
    const key = KEY.exec(part);
    if (!key) return [value(part)];
    const [, indent, name, colon, space, rest] = key;
    return [indent, element("span", { class: "key" }, name), colon + space, rest ? value(rest) : ""].filter((piece) => piece !== "");
  });
}

const value = (text) => (/^\s*["']/.test(text) ? element("span", { class: "string" }, text) : document.createTextNode(text));

let made = 0;

/** Rows of a text in `parent`. `chosen(index)` is called for the line that the reader chooses; `below(index)` gives what stands under a line. */
export function rows(parent, text, { chosen, below = () => [], known = null }) {
  const lines = text.replace(/\n$/, "").split("\n");
  const found = lines.map((line, index) => {
    made += 1;
    const is_fresh = known !== null && !known.has(line);
    const row = element("div", { class: is_fresh ? "row fresh" : "row", role: "option", id: `row-${made}`, "aria-selected": "false" },
      element("span", { class: "number", "aria-hidden": "true" }, index + 1),
      element("span", { class: "text" }, coloured(line)));
    row.addEventListener("click", () => { if (!String(getSelection())) chosen(index); });
    return row;
  });
  const all = found.flatMap((row, index) => [row, ...below(index)]);
  parent.append(...all);
  return found;
}

/** Lets the arrow keys walk through the rows of an element, and Enter choose one. */
export function walkable(parent) {
  let active = null;
  parent.addEventListener("keydown", (event) => {
    const all = [...parent.querySelectorAll(".row")];
    if (all.length === 0) return;
    const now = all.indexOf(active);
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: 20, PageUp: -20, Home: -all.length, End: all.length };
    if (event.key in steps) {
      const next = Math.max(0, Math.min(all.length - 1, now + steps[event.key]));
      if (active) active.classList.remove("active");
      active = all[next];
      active.classList.add("active");
      active.scrollIntoView({ block: "nearest" });
      parent.setAttribute("aria-activedescendant", active.id);
      event.preventDefault();
    } else if ((event.key === "Enter" || event.key === " ") && active && now >= 0) {
      active.click();
      event.preventDefault();
    }
  });
}

/** Marks these rows alone, and shows the first of them unless one of them is `at`. */
export function mark(parent, chosen, at = null) {
  for (const row of parent.querySelectorAll(".row.traced")) {
    row.classList.remove("traced");
    row.setAttribute("aria-selected", "false");
  }
  for (const row of chosen) {
    row.classList.add("traced");
    row.setAttribute("aria-selected", "true");
  }
  if (chosen.length > 0 && !chosen.includes(at)) chosen[0].scrollIntoView({ block: "center" });
}
