// What is asked and told in a dialog.
import { h, icon, button, bytes, shown, when, toast } from "./dom.js";
import { config, t } from "./text.js";
import { ask, tell, list, join, parent, base } from "./dav.js";

// open shows a dialog until it is closed, and returns what it was closed with:
// the value of a button, or "" for Escape.
export function open(title, content, buttons = [[t("close"), ""]], { wide = false } = {}) {
  return new Promise((resolve) => {
    // Enter in an input takes the first button that submits, which must be none that gives up or takes away.
    const form = h("form", { method: "dialog" }, h("h2", null, title), content,
      h("div", { class: "buttons" }, buttons.map(([label, value, kind]) => h("button", kind ? { value, class: kind, type: "submit" } : { type: "button", onclick: () => dialog.close(value) }, label))));
    const dialog = h("dialog", { class: wide ? "wide" : null, "aria-label": title }, form);
    form.addEventListener("submit", (event) => { event.preventDefault(); dialog.close(event.submitter?.value ?? ""); });
    dialog.addEventListener("close", () => { dialog.remove(); resolve(dialog.returnValue); });
    document.body.append(dialog);
    dialog.showModal();
    (dialog.querySelector("[autofocus]") ?? dialog.querySelector(".primary, .danger"))?.focus();
  });
}

export const confirm = async (title, text, label) =>
  await open(title, h("p", null, text), [[t("cancel"), ""], [label, "yes", "danger"]]) === "yes";

export const isName = (name) => name !== "" && name !== "." && name !== ".." && !name.includes("/");

// askName has a name typed; null if it was given up.
export async function askName(title, value) {
  const input = h("input", { value, "aria-label": title, autofocus: true, spellcheck: "false" });
  queueMicrotask(() => input.select());
  for (;;) {
    const answer = await open(title, h("p", null, input), [[t("cancel"), ""], [t("ok"), "ok", "primary"]]);
    if (answer !== "ok") return null;
    if (isName(input.value)) return input.value;
    toast(t("badName"));
  }
}

// askConflict asks what to do with a name that is taken: "replace", "both" or
// "skip", and whether so for all.
export async function askConflict(name, there, file) {
  const all = h("input", { type: "checkbox" });
  const text = there?.dir ? t("existsFolder")
    : h("span", null, t("existsText", bytes(there?.size ?? 0), there?.time ? when(there.time).textContent : "?", file ? bytes(file.size) : ""));
  const choices = [[t("skip"), "skip"], [t("keepBoth"), "both", "primary"]];
  if (there?.etag) choices.push([t("replace"), "replace", "danger"]);
  const answer = await open(t("exists", shown(name)), [h("p", null, text), h("label", { class: "line" }, all, " ", t("all"))], choices);
  return { answer: answer || "skip", all: all.checked };
}

// chooseFolder has a folder chosen, beginning at path; null if it was given up.
export async function chooseFolder(title, label, path) {
  const where = h("p", { class: "path" });
  const box = h("ul", { class: "choose" });
  const go = async (to) => {
    let answer;
    try {
      answer = await list(to);
    } catch (error) {
      toast(error.message);
      return;
    }
    path = to;
    where.replaceChildren(h("bdi", null, shown(to)));
    const folder = (name, target, iconName) => h("li", null, h("button", { type: "button", onclick: () => go(target) }, icon(iconName), h("bdi", null, shown(name))));
    const folders = answer.entries.filter((e) => e.dir).map((e) => folder(e.name, join(to, e.name), "folder"));
    box.replaceChildren(...(to === "/" ? [] : [folder("..", parent(to), "prev")]), ...folders);
    if (!folders.length) box.append(h("li", { class: "quiet" }, t("noFolders")));
  };
  await go(path);
  return await open(title, [where, box], [[t("cancel"), ""], [label, "ok", "primary"]]) === "ok" ? path : null;
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false; // not over plain HTTP; the text is selected, to be copied by hand
  }
}

const copyable = (text, label) => {
  const input = h("input", { readOnly: true, value: text, "aria-label": label, onfocus: () => input.select() });
  return h("p", { class: "copyable" }, input, button("copy", t("copyLink"), async () => {
    input.select();
    if (await copy(text)) toast(t("linkCopied"));
  }, { text: true }));
};

// share makes a link, shows it, and withdraws it if asked.
export async function share(entry) {
  const { link } = await tell("share", { path: entry.path });
  const answer = await open(t("linkOf", shown(entry.name)), [copyable(link, t("share")), h("p", { class: "quiet" }, t("linkHint"))],
    [[t("withdraw"), "withdraw"], [t("close"), "", "primary"]]);
  if (answer !== "withdraw") return;
  await tell("unshare", { path: entry.path });
  toast(t("linkGone"));
}

// rows lists things with buttons, and lists them anew after each.
async function rows(title, load, row, none, extra = []) {
  const box = h("ul", { class: "rows" });
  const fill = async () => {
    const entries = (await load()).entries;
    box.replaceChildren(...(entries.length ? entries.map((e) => row(e, attempt)) : [h("li", { class: "quiet" }, none)]));
  };
  const attempt = async (work) => {
    try {
      await work();
      await fill();
    } catch (error) {
      toast(error.message);
    }
  };
  await fill();
  await open(title, [box, extra.map((make) => make(attempt))], undefined, { wide: true });
}

export const sharedDialog = (go) => rows(t("shared"), () => ask("links"), (e, attempt) => h("li", null,
  icon(e.dir ? "folder" : "file"), h("span", { class: "grow" }, h("bdi", null, shown(e.path)), h("small", null, e.link ?? "")),
  button(null, t("open"), (event) => { event.target.closest("dialog").close(); go(parent(e.path), base(e.path)); }, { text: true }),
  e.link && button("copy", t("copyLink"), async () => { if (await copy(e.link)) toast(t("linkCopied")); }),
  !config.readOnly && button(null, t("withdraw"), () => attempt(() => tell("unshare", { path: e.path })), { text: true })), t("nothingShared"));

export async function restore(entry) {
  let to = entry.origin ?? "";
  for (;;) {
    try {
      const { path } = await tell("trash/restore", { id: entry.id, to });
      toast(t("restored", shown(base(path))));
      return path;
    } catch (error) {
      if (to && error.status !== 412) throw error;
      const name = await askName(t("whereTo"), base(to) || entry.name);
      if (name == null) return null;
      to = join(to ? parent(to) : "/", name);
    }
  }
}

export const trashDialog = (changed) => rows(t("trash"), () => ask("trash"), (e, attempt) => h("li", null,
  icon(e.dir ? "folder" : "file"), h("span", { class: "grow" }, h("bdi", null, shown(e.origin ?? e.name)), h("small", null, t("deletedAt"), " ", when(e.deleted), e.dir ? "" : `, ${bytes(e.size)}`)),
  !config.readOnly && [button(null, t("restore"), () => attempt(async () => { await restore(e); changed(); }), { text: true }),
    button("close", t("discard"), () => attempt(() => tell("trash/discard", { id: e.id })))]), t("trashEmpty"),
config.readOnly ? [] : [(attempt) => h("p", null, button("trash", t("emptyTrash"), async () => {
  if (await confirm(t("emptyTrash"), t("reallyEmpty"), t("emptyTrash"))) await attempt(() => tell("trash/empty"));
}, { text: true }))]);

// statusDialog tells how the disk is, and how to mount it.
export async function statusDialog() {
  const status = await ask("status");
  const root = new URL(`${config.prefix}/`, location.href);
  const dav = `${root.protocol === "https:" ? "davs" : "dav"}://${root.host}${root.pathname}`;
  const share = root.pathname.replace(/\/$/, "").replaceAll("/", "\\");
  const unc = `\\\\${root.hostname}${root.protocol === "https:" ? "@SSL" : ""}${root.port ? "@" + root.port : ""}\\DavWWWRoot${share}`;
  const line = (label, text) => [h("dt", null, label), h("dd", null, copyable(text, label))];
  await open(t("status"), [
    status.user && h("p", null, t("user", status.user)),
    h("p", { class: status.trouble ? "wrong" : null }, status.trouble ? `${t("s503")} ${status.trouble}` : t("storeOk")),
    status.space && h("p", null, t("free", bytes(status.space.used), bytes(status.space.total))),
    status.waiting.length
      ? [h("h3", null, t("uploading")), h("ul", { class: "rows" }, status.waiting.map((u) => h("li", null, h("span", { class: "grow" }, h("bdi", null, shown(u.path)), u.error && h("small", { class: "wrong" }, u.error)), bytes(u.size))))]
      : h("p", null, t("nothingWaits")),
    h("h3", null, t("connect")),
    h("dl", null, line("macOS Finder, ⌘K", root.href), line("Windows Explorer", `net use * ${unc}`), line("Linux: Files, Dolphin", dav), line("Linux: davfs2", `sudo mount -t davfs ${root.href} /mnt`)),
    status.version && h("p", { class: "quiet" }, `davdisk ${status.version}`),
  ], undefined, { wide: true });
}
