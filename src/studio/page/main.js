// The page: what is chosen, and what follows from it.

import { mark, rows, walkable } from "./code.js";
import { byId, copy, counted, element, fill } from "./dom.js";
import * as lists from "./lists.js";
import * as server from "./server.js";
import * as tabs from "./tabs.js";

const TABS = [
  ["rendered", "Rendered"], ["builtin", "vs built-in"], ["baseline", "vs HEAD"], ["executor", "Executor"],
  ["policies", "Policies"], ["variables", "Variables"], ["matrix", "All"],
];
const VERSIONS = ["3.5.6", "4.0.1", "4.1.1", "4.2.0", "4.3.0"];

const page = {
  summary: null, view: null, application: null, file: null, source: "", switches: {}, tab: "rendered",
  search: "", sourceRows: [], resultRows: [], traced: null, asked: 0, generation: 0,
};

// The address bar should not show the token.
if (location.search) history.replaceState(null, "", "/" + location.hash);

const tell = (text) => { byId("trace").textContent = text; };
const failed = (error) => { byId("status").className = "bad"; byId("status").textContent = error.message; };

/* ---- what is found about a file ---- */

function findingsOf(file) {
  const found = [...(page.summary?.findings || []), ...(page.view?.findings || [])].filter((finding) => finding.file === file);
  const seen = new Set();
  return found.filter((finding) => {
    const key = `${finding.line} ${finding.message}`;
    return seen.has(key) ? false : seen.add(key);
  });
}

const isError = (finding) => !["ignored-file", "unused-template", "same-as-builtin", "shadowed-block", "stray-text", "never-fired", "shared-name", "refuses-all"].includes(finding.rule);

const findingBox = (finding) => element("div", { class: `finding ${isError(finding) ? "error" : "warning"}` },
  [finding.message, ...finding.notes].join("\n"));

/* ---- the panes ---- */

function showLists() {
  if (!page.summary) return;
  const builtin = (page.view?.templates || []).filter((name) => name.startsWith("builtin/"));
  lists.applications(page.summary, page.application, choose);
  lists.files(page.summary, builtin, page.file, (file) => openFile(file));
  byId("directory").textContent = page.summary.directory;
  byId("save").disabled = !page.summary.cases || !page.view || page.view.objects.length === 0;
  byId("save").title = page.summary.cases ? "" : "Start studio with --cases DIR to save golden cases";
  showStatus();
}

function showStatus() {
  const status = byId("status");
  const errors = new Set([...(page.summary?.findings || []), ...(page.view?.findings || [])].filter(isError).map((finding) => `${finding.file} ${finding.line} ${finding.message}`)).size;
  status.className = errors ? "bad" : page.summary?.is_complete ? "good" : "";
  status.textContent = errors ? counted(errors, "error") : page.summary?.is_complete ? "no errors" : "trying all applications…";
}

function showSource() {
  const source = byId("source");
  const at = source.scrollTop;
  const findings = findingsOf(page.file);
  source.replaceChildren(...findings.filter((finding) => !finding.line).map(findingBox));
  page.sourceRows = rows(source, page.source, {
    chosen: traceSource,
    below: (index) => findings.filter((finding) => finding.line === index + 1).map(findingBox),
  });
  source.scrollTop = at;
  byId("source-title").textContent = page.file || "Template";
  byId("source-note").textContent = String(page.file).startsWith("builtin/") ? "built in" : "";
  retrace();
}

function objectsOf(objects, known) {
  page.resultRows = [];
  return objects.map((object, index) => {
    const lines = element("div", { class: "code", role: "listbox", "aria-label": `Lines of ${object.title}` });
    const before = known?.[index]?.title === object.title ? new Set(known[index].text.split("\n")) : null;
    const made = rows(lines, object.text, { chosen: (line) => traceResult(object, line), known: before });
    made.forEach((row, line) => page.resultRows.push({ row, from: object.from[line], object, line }));
    return element("section", { class: "object" }, element("h3", {}, object.title), lines);
  });
}

async function showResult(known = null) {
  const { view, summary, tab } = page;
  const result = byId("result");
  const at = result.scrollTop;
  const is_of_objects = tab === "rendered" || tab === "executor";
  result.classList.toggle("stale", Boolean(view?.is_stale) && is_of_objects);
  byId("switches").hidden = byId("why").hidden = tab === "matrix";
  if (!view || !summary) return;
  page.resultRows = [];
  try {
    if (tab === "rendered") {
      fill(result, view.objects.length ? objectsOf(view.objects, known?.objects) : element("p", { class: "empty" }, "Nothing could be rendered yet."));
    } else if (tab === "executor") {
      fill(result, element("p", { class: "empty" }, "Spark's driver makes this Pod for its first executor. Lines that lead nowhere come from Spark and from the conf."),
        view.executor.length ? objectsOf(view.executor, known?.executor) : element("p", { class: "empty" }, "The executor Pod can't be known before the driver makes it."));
    } else if (tab === "policies") {
      fill(result, tabs.policies(view, summary, openFile));
    } else if (tab === "matrix") {
      fill(result, tabs.matrix(summary, page.application, choose));
    } else {
      const asked = `${view.generation} ${page.application} ${tab} ${JSON.stringify(page.switches)}`;
      page.pending = asked;
      const found = tab === "variables"
        ? await server.variables(page.application, page.switches)
        : await server.difference(page.application, page.switches, tab);
      if (page.pending !== asked || page.tab !== tab) return;
      fill(result, tab === "variables"
        ? tabs.variables(found, page.search, (words) => { page.search = words; }, tell)
        : tabs.difference(found));
    }
  } catch (error) {
    fill(result, element("p", { class: "empty error-text" }, error.message));
  }
  result.scrollTop = at;
  retrace();
}

function showBanner() {
  const { view } = page;
  const banner = byId("banner");
  banner.hidden = !view || view.findings.length === 0;
  if (banner.hidden) return;
  const refused = view.findings.every((finding) => finding.rule === "refused");
  const below = view.is_stale ? "Below is the last good result.\n" : view.is_unchecked ? "Below are the objects that the checks refuse.\n" : "";
  banner.replaceChildren(element("strong", {}, refused ? "This application is refused. " : "The templates are broken for this application. "), below,
    ...view.findings.slice(0, 20).map((finding) => element("div", {},
      element("button", { type: "button", class: "link mono", onclick: () => openFile(finding.file, finding.line) }, finding.line ? `${finding.file}:${finding.line}` : finding.file),
      " ", finding.message)));
}

function showSwitches() {
  const chosen = page.view?.chosen;
  if (!chosen) return;
  const versions = new Set([...VERSIONS, chosen.spark_version].filter(Boolean));
  fill(byId("version"), [...versions].sort().map((version) => element("option", {}, version)));
  if (document.activeElement !== byId("namespace")) byId("namespace").value = chosen.namespace;
  byId("type").value = chosen.type;
  byId("version").value = chosen.spark_version;
  byId("webhook").value = String(chosen.webhook);
  for (const [id, name] of [["namespace", "namespace"], ["type", "type"], ["version", "spark_version"], ["webhook", "webhook"]]) {
    byId(id).classList.toggle("switched", name in page.switches);
  }
  byId("reset").hidden = Object.keys(page.switches).length === 0;
  byId("why").textContent = page.view.set ? `Set ${page.view.set_id || page.view.set}: ${page.view.why}.` : "";
}

/* ---- from a line to the line that wrote it, and back ---- */

function traceResult(object, line) {
  const from = object.from[line];
  if (!from) {
    page.traced = null;
    mark(byId("source"), []);
    mark(byId("result"), page.resultRows.filter((known) => known.object === object && known.line === line).map((known) => known.row), page.resultRows.find((known) => known.object === object && known.line === line)?.row);
    tell(page.tab === "executor" ? "No template wrote this line: it comes from Spark and from the conf." : "No template wrote this line: native-submit adds it.");
    return;
  }
  const clicked = page.resultRows.find((known) => known.object === object && known.line === line)?.row;
  page.traced = { file: page.view.templates[from[0]], line: from[1] };
  openFile(page.traced.file, page.traced.line, clicked);
}

function traceSource(index) {
  page.traced = { file: page.file, line: index + 1 };
  if (page.tab !== "rendered" && page.tab !== "executor") chooseTab("rendered");
  retrace(page.sourceRows[index], true);
}

/** Marks both sides of what is traced, after either was drawn anew. */
function retrace(at = null, scrolls = false) {
  const traced = page.traced;
  if (!traced) return;
  const sources = page.file === traced.file ? page.sourceRows.slice(traced.line - 1, traced.line) : [];
  const results = page.resultRows.filter(({ from }) => from && page.view.templates[from[0]] === traced.file && from[1] === traced.line).map(({ row }) => row);
  mark(byId("source"), sources, scrolls ? at : sources[0]);
  mark(byId("result"), results, scrolls && results.length && !results.includes(at) ? null : results[0]);
  tell(`${traced.file}:${traced.line} wrote ${results.length ? counted(results.length, "line") : "no line"} of what is shown.`);
}

/* ---- what the reader chooses ---- */

async function openFile(file, line = null, clicked = null) {
  if (!file) return;
  if (line) page.traced = { file, line };
  try {
    if (file !== page.file) {
      page.source = await server.source(file);
      page.file = file;
    }
  } catch {
    // What a finding is about may be no template.
    return;
  }
  showLists();
  showSource();
  if (line) {
    page.sourceRows[line - 1]?.scrollIntoView({ block: "center" });
    retrace(clicked, Boolean(clicked));
  }
}

async function choose(application) {
  page.application = application;
  page.switches = {};
  page.traced = null;
  history.replaceState(null, "", "#" + encodeURIComponent(application));
  if (page.tab === "matrix") page.tab = "rendered";
  showTabs();
  await loadView(null);
}

function chooseTab(tab) {
  page.tab = tab;
  showTabs();
  byId("result").scrollTop = 0;
  showResult();
}

function showTabs() {
  const shown = TABS.map(([id, name]) => element("button", {
    type: "button", role: "tab", id: `tab-${id}`, "aria-selected": String(id === page.tab), "aria-controls": "result",
    tabindex: id === page.tab ? "0" : "-1", onclick: () => chooseTab(id),
  }, id === "baseline" && page.summary?.baseline && !page.summary.baseline.startsWith("git") && !page.summary.baseline.startsWith("the built-in") ? `vs ${page.summary.baseline}` : name));
  const had_focus = byId("tabs").contains(document.activeElement);
  fill(byId("tabs"), shown);
  if (had_focus) byId(`tab-${page.tab}`).focus();
}

byId("tabs").addEventListener("keydown", (event) => {
  const now = TABS.findIndex(([id]) => id === page.tab);
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  chooseTab(TABS[(now + step + TABS.length) % TABS.length][0]);
  event.preventDefault();
});

function switched(name, value) {
  page.switches = { ...page.switches, [name]: value };
  loadView(page.view);
}
byId("namespace").addEventListener("change", (event) => switched("namespace", event.target.value.trim()));
byId("type").addEventListener("change", (event) => switched("type", event.target.value));
byId("version").addEventListener("change", (event) => switched("spark_version", event.target.value));
byId("webhook").addEventListener("change", (event) => switched("webhook", event.target.value === "true"));
byId("reset").addEventListener("click", () => { page.switches = {}; loadView(page.view); });

byId("config-map").addEventListener("click", async () => {
  try {
    if (await copy(await server.configMap())) tell("Copied the templates as ConfigMaps.");
  } catch (error) { failed(error); }
});

byId("save").addEventListener("click", () => {
  const stem = String(page.application).split("/").pop().toLowerCase().replace(/\.(ya?ml|json)$/, "").replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "");
  byId("save-name").value = stem.slice(0, 63);
  byId("save-where").textContent = `A folder of this name is written into ${page.summary.cases}: the application and what it becomes now.`;
  byId("save-error").textContent = "";
  byId("save-dialog").showModal();
});
byId("save-cancel").addEventListener("click", () => byId("save-dialog").close());
async function saveNow() {
  try {
    const where = await server.save(page.application, page.switches, byId("save-name").value);
    byId("save-dialog").close();
    tell(`Saved ${where}`);
  } catch (error) { byId("save-error").textContent = error.message; }
}
byId("save-now").addEventListener("click", saveNow);
byId("save-name").addEventListener("keydown", (event) => { if (event.key === "Enter") { event.preventDefault(); saveNow(); } });
byId("text-close").addEventListener("click", () => byId("text-dialog").close());

/* ---- files that are dropped, or chosen ---- */

async function take(files) {
  let first = null;
  for (const file of files) {
    try {
      const name = await server.drop(file.name, await file.text());
      first = first || name;
    } catch (error) { failed(error); }
  }
  if (!first) return;
  page.summary = await server.summary();
  await choose(first);
}
byId("add").addEventListener("click", () => byId("file").click());
byId("file").addEventListener("change", (event) => { take([...event.target.files]); event.target.value = ""; });
let over = 0;
addEventListener("dragenter", (event) => { event.preventDefault(); over += 1; byId("drop").hidden = false; });
addEventListener("dragleave", () => { over -= 1; if (over <= 0) byId("drop").hidden = true; });
addEventListener("dragover", (event) => event.preventDefault());
addEventListener("drop", (event) => {
  event.preventDefault();
  over = 0;
  byId("drop").hidden = true;
  take([...event.dataTransfer.files]);
});

/* ---- what the server tells ---- */

async function loadView(known) {
  page.asked += 1;
  const asked = page.asked;
  const [view, source] = await Promise.all([
    server.view(page.application, page.switches),
    page.file ? server.source(page.file).catch(() => null) : null,
  ]);
  if (asked !== page.asked) return;
  page.view = view;
  if (page.file && source === null) page.file = null;
  else if (page.file) page.source = source;
  if (!page.file) await firstFile();
  showSwitches();
  showBanner();
  await showResult(known);
  showSource();
  showLists();
  page.generation = view.generation;
  document.body.dataset.generation = view.generation;
}

/** The first of the author's own files; where there is none, the one that makes the Pod. */
async function firstFile() {
  const broken = page.view.findings.find((finding) => finding.line)?.file;
  const file = broken || page.summary.files[0]?.name || "builtin/driver-pod.yaml.j2";
  page.source = await server.source(file).catch(() => "");
  page.file = file;
}

async function changed(progress) {
  try {
    page.summary = await server.summary();
    const names = page.summary.applications.map((row) => row.name);
    if (!names.includes(page.application)) {
      const wanted = decodeURIComponent(location.hash.slice(1));
      page.application = names.includes(wanted) ? wanted : names.find((name) => page.summary.applications.find((row) => row.name === name).source !== "sample") || names[0];
      page.switches = {};
    }
    if (progress.generation !== page.generation) await loadView(page.view);
    else { showSource(); showLists(); }
    if (page.tab === "matrix" || page.tab === "policies") await showResult();
    showTabs();
    document.body.dataset.complete = page.summary.is_complete ? page.summary.generation : "";
  } catch (error) { failed(error); }
}

// One after the other, and of several only the newest.
let working = false;
let next = null;
async function queued(progress) {
  next = progress;
  if (working) return;
  working = true;
  while (next) {
    const now = next;
    next = null;
    await changed(now);
  }
  working = false;
}

showTabs();
walkable(byId("source"));
walkable(byId("result"));
server.follow(queued, () => failed(new Error("studio has stopped; this page shows its last state")));
