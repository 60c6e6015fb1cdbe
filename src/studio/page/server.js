// What the page asks the server for.

async function answer(response) {
  const is_json = (response.headers.get("content-type") || "").startsWith("application/json");
  const body = is_json ? await response.json() : await response.text();
  if (!response.ok) throw new Error((body && body.error) || String(body).trim() || `HTTP ${response.status}`);
  return body;
}

const read = async (path) => answer(await fetch(path, { cache: "no-store" }));

const ask = async (path, request) => answer(await fetch(path, {
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify(request),
}));

export const summary = () => read("/api/summary");
export const configMap = () => read("/api/config-map");
export const view = (application, switches) => ask("/api/view", { application, switches });
export const difference = (application, switches, other) => ask("/api/difference", { application, switches, with: other });
export const variables = (application, switches) => ask("/api/variables", { application, switches });
export const source = (file) => ask("/api/source", { file });
export const drop = (name, text) => ask("/api/drop", { name, text });
export const save = (application, switches, name) => ask("/api/save", { application, switches, name });

/** Calls `changed` for each state of the server, and `lost` when it is gone. */
export function follow(changed, lost) {
  const events = new EventSource("/api/events");
  events.addEventListener("message", (event) => changed(JSON.parse(event.data)));
  events.addEventListener("error", () => lost());
}
