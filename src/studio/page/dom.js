// Elements made by code: whatever comes from outside goes in as text, never as markup.

/** An element; `given` has attributes, `on…` listeners and `class`; a child is an element or a text. */
export function element(tag, given = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(given)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name === "class") made.className = value;
    else made.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children.flat()) {
    if (child === null || child === undefined || child === false) continue;
    made.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
  return made;
}

/** The element of an id. */
export const byId = (id) => document.getElementById(id);

/** Replaces what is in an element. What had the focus has it again, if there is one of the same key. */
export function fill(parent, ...children) {
  const key = parent.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
  parent.replaceChildren(...children.flat(2).filter(Boolean));
  if (key === undefined) return;
  for (const one of parent.querySelectorAll("[data-key]")) {
    if (one.dataset.key === key) return one.focus();
  }
}

/** A small count or word. */
export const badge = (text, kind = "") => element("span", { class: `badge ${kind}` }, text);

/** `1 error`, `2 errors`. */
export const counted = (count, word) => `${count} ${word}${count === 1 ? "" : "s"}`;

/** Puts a text on the clipboard, or shows it to be copied where the browser forbids that. */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const dialog = byId("text-dialog");
    byId("text").value = text;
    dialog.showModal();
    byId("text").select();
    return false;
  }
}
