// The file manager: where one is, what one does.
import { h, icon, button, bytes, shown, toast } from "./dom.js";
import { config, t } from "./text.js";
import { list, ask, remove, transfer, makeFolder, look, zip, freeName, join, parent, base, href } from "./dav.js";
import { List } from "./list.js";
import { Uploads, makeFolders, pickedFiles, droppedFiles } from "./upload.js";
import { open, confirm, isName, askConflict, chooseFolder, share, sharedDialog, trashDialog, restore, statusDialog } from "./dialogs.js";
import { view, canView } from "./viewer.js";

const refreshEvery = 20_000; // milliseconds between looks for changes by others
let path = config.path;
let etag = null;
let found = null; // the text that is searched for, while results are shown

const rows = new List({ open: openEntry, changed: showSelection });
const uploads = new Uploads((folder) => { if (folder === path || folder.startsWith(join(path, ""))) soon(); });

// what is on the page

const crumbs = h("nav", { "aria-label": t("home"), class: "crumbs" });
const filter = h("input", { type: "search", id: "filter", placeholder: t("filter"), "aria-label": t("filter"), autocomplete: "off", spellcheck: "false" });
const picker = h("input", { type: "file", multiple: true, hidden: true, id: "pick-files", onchange: pick });
const folderPicker = h("input", { type: "file", webkitdirectory: true, hidden: true, id: "pick-folder", onchange: pick });
const gridButton = button("grid", t("grid"), () => { rows.setGrid(!rows.grid); showView(); }, { id: "view" });
const menu = h("div", { id: "menu", popover: "auto" });
const tools = h("div", { class: "tools", role: "toolbar", "aria-label": t("menu") });
const notice = h("p", { class: "notice", role: "alert", hidden: true });
const empty = h("div", { class: "empty", hidden: true });
const footer = h("footer", null, h("span", { id: "count" }), h("span", { class: "grow" }), h("span", { id: "space" }));

const menuItem = (iconName, label, work) => button(iconName, label, () => { menu.hidePopover(); work(); }, { text: true });
menu.append(
  ...[
    !config.readOnly && menuItem("upload", t("uploadFolder"), () => folderPicker.click()),
    menuItem("download", t("zip"), () => zip(path, [])),
    config.can.links && menuItem("link", t("shared"), () => attempt(() => sharedDialog(go))),
    config.can.trash && menuItem("trash", t("trash"), () => attempt(() => trashDialog(refresh))),
    menuItem("file", t("status"), () => attempt(statusDialog)),
    menuItem("text", t("help"), help),
    config.signOut && h("form", { method: "post", action: `${config.prefix}/.davdisk/sign-out` }, h("button", { type: "submit" }, icon("close"), h("span", null, t("signOut")))),
  ].filter(Boolean));

function build() {
  document.getElementById("plain").remove();
  document.body.append(
    h("main", { id: "app" },
      h("header", { class: "bar" }, crumbs, filter, h("div", { class: "actions" },
        !config.readOnly && button("upload", t("upload"), () => picker.click(), { text: true, class: "primary", id: "upload" }),
        !config.readOnly && button("plus", t("newFolder"), newFolder, { text: true, id: "new-folder" }),
        gridButton,
        h("button", { type: "button", "aria-label": t("menu"), title: t("menu"), popovertarget: "menu", id: "menu-button" }, icon("menu")))),
      notice, h("div", { class: "pane" }, rows.element, tools, empty), footer),
    menu, picker, folderPicker, uploads.element, h("iframe", { name: "download", hidden: true, title: t("download") }));
  rows.element.append(h("div", { class: "drop" }, t("drop")));
}

function showView() {
  gridButton.replaceChildren(icon(rows.grid ? "list" : "grid"));
  gridButton.setAttribute("aria-label", rows.grid ? t("list") : t("grid"));
  gridButton.title = rows.grid ? t("list") : t("grid");
}

function showCrumbs() {
  const parts = path === "/" ? [] : path.slice(1).split("/");
  const link = (name, to, last) => h("a", { href: href(to, true), "data-path": to, "aria-current": last ? "page" : null, onclick: (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    go(to);
  } }, h("bdi", null, shown(name)));
  const nodes = [link(t("home"), "/", !parts.length)];
  parts.forEach((name, i) => nodes.push(h("span", { "aria-hidden": "true" }, "/"), link(name, "/" + parts.slice(0, i + 1).join("/"), i === parts.length - 1)));
  crumbs.replaceChildren(...nodes);
  crumbs.scrollLeft = crumbs.scrollWidth;
  document.title = path === "/" ? "davdisk" : `${shown(base(path))} – davdisk`;
}

function showSelection() {
  const chosen = rows.chosen();
  const one = chosen.length === 1 ? chosen[0] : null;
  const change = !config.readOnly;
  const items = chosen.length ? [
    h("strong", null, t("selected", chosen.length)),
    one && !one.dir ? h("a", { class: "button", href: href(one.path), download: one.name }, icon("download"), h("span", null, t("download"))) : button("download", t("zip"), () => download(chosen), { text: true }),
    one && config.can.links && change && button("link", t("share"), () => attempt(() => share(one)), { text: true }),
    change && one && button("rename", t("rename"), () => rename(one), { text: true }),
    change && button("move", t("move"), () => toFolder("MOVE", chosen), { text: true }),
    change && button("copy", t("copy"), () => toFolder("COPY", chosen), { text: true }),
    change && button("trash", t("remove"), () => removeAll(chosen), { text: true, class: "danger" }),
    h("span", { class: "grow" }), button("close", t("clear"), () => rows.selectAll(false)),
  ] : found != null ? [h("strong", null, t("results", found)), h("span", { class: "grow" }), button("close", t("clear"), leaveSearch)] : [];
  tools.replaceChildren(...items.filter(Boolean));
  tools.hidden = !items.length;
  const size = (chosen.length ? chosen : rows.rows).reduce((sum, e) => sum + e.size, 0);
  document.getElementById("count").textContent = `${t("items", rows.rows.length.toLocaleString(config.lang))}${size ? `, ${bytes(size)}` : ""}${config.readOnly ? ` · ${t("readOnly")}` : ""}`;
  empty.hidden = rows.rows.length > 0;
  if (!empty.hidden) {
    const text = found != null ? [t("noResults")] : rows.wanted ? [t("noMatch")] : config.readOnly ? [t("emptyReadOnly")] : [t("empty"), t("emptyHint")];
    empty.replaceChildren(icon("folder"), ...text.map((line) => h("p", null, line)));
  }
}

// With stores in folders of the root, the space is that of the one that is shown.
const spaceOf = () => (config.can.spaces ? `/${path.split("/")[1]}` : "/");
let asked;

async function showSpace() {
  const of = asked = spaceOf();
  try {
    const { space } = await ask("status", { path: of });
    if (of !== asked) return;
    const text = space?.total > 0 && t("free", bytes(space.used), bytes(space.total));
    document.getElementById("space").replaceChildren(...text ? [h("meter", { "aria-label": text, max: space.total, value: space.used, high: space.total * 0.9 }), " ", text] : []);
  } catch { /* the list itself tells that the disk does not answer */ }
}

// going

const entriesIn = (folder, entries) => entries.map((e) => ({ size: 0, ...e, path: e.path ?? join(folder, e.name), name: e.name ?? base(e.path) }));

async function load(keep) {
  const wanted = path;
  try {
    const answer = await list(wanted, keep ? etag : null);
    if (wanted !== path || found != null) return;
    notice.hidden = true;
    if (!answer) return;
    etag = answer.etag;
    config.readOnly = answer.readOnly;
    if (answer.unnamed) {
      notice.textContent = t("unnamed", answer.unnamed);
      notice.hidden = false;
    }
    rows.show(entriesIn(path, answer.entries), { keep });
  } catch (error) {
    if (wanted !== path) return;
    notice.textContent = error.status === 404 || error.status === 409 ? t("gone") : error.status === 401 ? t("signedOut") : error.status === 0 ? t("offline") : error.message;
    notice.hidden = false;
    if (!keep) rows.show([]);
  }
}

export async function go(to, name) {
  if (to !== path || found != null) history.pushState(null, "", href(to, true));
  await arrive(to);
  if (name) rows.find(join(to, name));
}

async function arrive(to) {
  path = to;
  etag = null;
  found = null;
  filter.value = "";
  rows.wanted = "";
  showCrumbs();
  if (asked && asked !== spaceOf()) showSpace();
  await load(false);
}

async function up() {
  if (found != null) return leaveSearch();
  if (path !== "/") await go(parent(path), base(path));
}

const refresh = () => found == null && load(true);
let waiting;
function soon() {
  clearTimeout(waiting);
  waiting = setTimeout(() => { refresh(); showSpace(); }, 150);
}

async function search(text) {
  if (!text.trim()) return;
  filter.value = "";
  rows.wanted = "";
  found = text.trim();
  const asked = found;
  notice.textContent = t("searching");
  notice.hidden = false;
  try {
    const answer = await ask("search", { path, q: asked });
    if (found !== asked) return;
    notice.hidden = answer.complete;
    if (!answer.complete) notice.textContent = t("incomplete");
    rows.show(entriesIn(path, answer.entries), { parts: true });
    rows.element.focus();
  } catch (error) {
    notice.textContent = error.message;
  }
}

function leaveSearch() {
  found = null;
  etag = null;
  filter.value = "";
  rows.filter("");
  return load(false);
}

async function openEntry(entry) {
  if (entry.dir) await go(entry.path);
  else if (canView(entry)) {
    const last = await view(entry, rows.rows);
    if (last) rows.find(last.path);
    rows.element.focus();
  } else h("a", { href: href(entry.path), download: entry.name }).click();
}

// doing

async function attempt(work) {
  try {
    return await work();
  } catch (error) {
    toast(error.message);
  } finally {
    refresh();
  }
}

function download(entries) {
  const folders = new Set(entries.map((e) => parent(e.path)));
  if (folders.size === 1) zip([...folders][0], entries.map((e) => e.name));
  else for (const folder of folders) zip(folder, entries.filter((e) => parent(e.path) === folder).map((e) => e.name));
}

async function newFolder() {
  const taken = new Set(rows.entries.map((e) => e.name));
  let name = t("untitled", "").trim();
  if (taken.has(name)) name = freeName(name, (n) => taken.has(n));
  await attempt(async () => {
    await makeFolder(join(path, name));
    etag = null;
    await load(true);
    const entry = rows.rows.find((e) => e.name === name);
    if (entry) rename(entry);
  });
}

const rename = (entry) => rows.edit(entry, (name) => attempt(async () => {
  if (!isName(name)) throw new Error(t("badName"));
  const to = join(parent(entry.path), name);
  if (await place("MOVE", entry, to, {})) {
    await refresh();
    rows.find(to);
  }
}));

// place moves or copies one entry, and asks if the name is taken. It returns
// the name it got, or null.
async function place(method, entry, to, forAll) {
  let replace = "";
  for (;;) {
    try {
      await transfer(method, entry.path, to, entry.dir, replace);
      return to;
    } catch (error) {
      if (error.status !== 412) throw error;
    }
    const there = await look(to);
    if (!there) continue;
    let answer = forAll.answer;
    if (!answer || answer === "replace" && !there.etag) {
      const asked = await askConflict(base(to), there, entry.dir ? null : entry);
      answer = asked.answer;
      if (asked.all) forAll.answer = answer;
    }
    if (answer === "skip") return null;
    if (answer === "replace") replace = there.etag;
    else {
      replace = "";
      const taken = new Set((await list(parent(to))).entries.map((e) => e.name));
      to = join(parent(to), freeName(base(to), (name) => taken.has(name)));
    }
  }
}

async function placeAll(method, entries, folder) {
  const forAll = {};
  const done = [];
  await attempt(async () => {
    for (const entry of entries) {
      const to = join(folder, entry.name);
      if (method === "MOVE" && to === entry.path) continue;
      if (await place(method, entry, to, forAll)) done.push(entry);
    }
  });
  if (done.length) toast(t(method === "MOVE" ? "moved" : "copied", names(done)));
}

async function toFolder(method, entries) {
  const title = t(method === "MOVE" ? "moveTo" : "copyTo", names(entries));
  const folder = await chooseFolder(title, t(method === "MOVE" ? "moveHere" : "copyHere"), parent(entries[0].path));
  if (folder != null) await placeAll(method, entries, folder);
  rows.element.focus();
}

const names = (entries) => (entries.length === 1 ? `“${shown(entries[0].name)}”` : String(entries.length));

async function removeAll(entries) {
  if (!config.can.trash && !(await confirm(t("reallyRemove", names(entries)), t("noTrash"), t("remove")))) return;
  const done = [];
  for (const entry of entries) {
    try {
      await remove(entry);
      done.push(entry);
    } catch (error) {
      if (error.status === 404) continue; // somebody else was first
      toast(error.status === 412 ? t("changedMeanwhile", shown(entry.name)) : `${shown(entry.name)}: ${error.message}`);
    }
  }
  await (found == null ? load(true) : search(found));
  rows.element.focus();
  if (!done.length) return;
  if (config.can.trash) toast(t("removed", names(done)), { label: t("undo"), run: () => attempt(() => undo(done)) });
  else toast(t("removedForGood", names(done)));
  showSpace();
}

// undo puts back what was deleted last under each name.
async function undo(entries) {
  const { entries: trashed } = await ask("trash"); // latest first
  for (const entry of entries) {
    const at = trashed.find((e) => e.origin === entry.path);
    if (!at) throw new Error(t("s404"));
    await restore(at);
  }
}

// uploading

async function upload({ files, folders }) {
  await attempt(async () => {
    await makeFolders(folders);
    if (files.length) uploads.add(files);
  });
}

function pick(event) {
  upload(pickedFiles(event.target, path));
  event.target.value = "";
}

const ours = (event) => event.dataTransfer.types.includes("application/x-davdisk");
const foreign = (event) => event.dataTransfer.types.includes("Files") && !ours(event);

// target is the folder that something is dropped on.
function target(event) {
  const crumb = event.target.closest?.("[data-path]");
  if (crumb) return crumb.dataset.path;
  const entry = rows.rows[rows.indexOf(event)];
  return entry?.dir ? entry.path : null;
}

function listenForDrops() {
  let over;
  const mark = (element) => {
    over?.classList.remove("over");
    over = element;
    over?.classList.add("over");
  };
  document.addEventListener("dragover", (event) => {
    if (config.readOnly || !ours(event) && !foreign(event)) return;
    const to = target(event);
    if (ours(event) && (to == null || rows.selected.has(to))) return mark(null);
    event.preventDefault();
    event.dataTransfer.dropEffect = foreign(event) || event.ctrlKey ? "copy" : "move";
    mark(to != null ? event.target.closest("[data-path], .row") : rows.element);
  });
  document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) mark(null); });
  document.addEventListener("dragend", () => mark(null));
  document.addEventListener("drop", async (event) => {
    mark(null);
    if (config.readOnly || !ours(event) && !foreign(event)) return;
    event.preventDefault();
    const to = target(event);
    if (ours(event)) {
      if (to != null && !rows.selected.has(to)) await placeAll(event.ctrlKey ? "COPY" : "MOVE", rows.chosen(), to);
      return;
    }
    upload(await droppedFiles(event.dataTransfer, to ?? path));
  });
}

// keys

function help() {
  open(t("help"), h("ul", { class: "rows" }, t("keys").split(" · ").map((line) => {
    const [key, does] = line.split(": ");
    return h("li", null, h("kbd", null, key), " ", does);
  })));
}

function keys(event) {
  if (event.defaultPrevented || event.altKey || document.querySelector("dialog[open]") || event.target.matches("input:not([type=checkbox]), textarea, select")) return;
  const at = rows.targets();
  const command = event.ctrlKey || event.metaKey;
  if (command && event.key.toLowerCase() === "a") rows.selectAll(true);
  else if (command) return;
  else if (event.key === "/") filter.focus();
  else if (event.key === "?") help();
  else if (event.key === "Backspace") up();
  else if (event.key === "F2" && at.length && !config.readOnly) rename(at[0]);
  else if (event.key === "Delete" && at.length && !config.readOnly) removeAll(at);
  else if (event.key === "Escape") rows.selectAll(false);
  else return;
  event.preventDefault();
}

// the beginning

build();
showView();
showCrumbs();
listenForDrops();
document.addEventListener("keydown", keys);
filter.addEventListener("input", () => rows.filter(filter.value));
filter.addEventListener("keydown", (event) => {
  if (event.key === "Enter") search(filter.value);
  else if (event.key === "ArrowDown") rows.element.focus();
  else if (event.key === "Escape") { rows.filter(filter.value = ""); rows.element.focus(); }
});
addEventListener("popstate", () => {
  const at = decodeURIComponent(location.pathname.slice(config.prefix.length)).replace(/\/+$/, "") || "/";
  arrive(at);
});
document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });
addEventListener("focus", refresh);
addEventListener("online", refresh);
setInterval(() => { if (!document.hidden) refresh(); }, refreshEvery);
document.querySelector("iframe[name=download]").addEventListener("load", (event) => {
  // A download shows nothing; a page here is the server's word that it failed.
  let at = "about:blank";
  try { at = event.target.contentWindow.location.href; } catch { at = ""; }
  if (at !== "about:blank") toast(t("other", t("zip")));
});
await load(false);
rows.element.focus({ preventScroll: true });
document.documentElement.dataset.ready = "1";
showSpace();
