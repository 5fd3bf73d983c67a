// Uploads: a queue, three at a time, each whole or not at all.
import { h, button, bytes, shown, toast } from "./dom.js";
import { t } from "./text.js";
import { put, look, list, makeFolder, freeName, join, parent, base } from "./dav.js";
import { askConflict } from "./dialogs.js";

const atOnce = 3;

export class Uploads {
  constructor(stored) {
    this.stored = stored; // called with the folder of each file that is there
    this.items = [];
    this.running = 0;
    this.asking = Promise.resolve();
    this.title = h("strong");
    this.bar = h("progress", { "aria-label": t("uploads") });
    this.list = h("ul");
    this.element = h("aside", { id: "uploads", hidden: true, "aria-label": t("uploads") },
      h("header", null, this.title, h("span", { class: "grow" }), button(null, t("cancelAll"), () => this.cancelAll(), { text: true, class: "cancel-all" }), button("close", t("close"), () => this.close())),
      this.bar, this.list);
    addEventListener("beforeunload", (event) => { if (this.busy()) event.preventDefault(); });
  }

  busy() {
    return this.items.some((i) => i.state === "waiting" || i.state === "running");
  }

  // add takes files with the folder each goes into, relative to one that is
  // there: [{file, folder: "/a/b", made: ["/a"]}].
  add(files) {
    this.answer = null;
    for (const { file, folder } of files) this.items.push(this.item(file, join(folder, file.name)));
    this.element.hidden = false;
    this.work();
  }

  item(file, path) {
    const item = { file, path, state: "waiting", sent: 0 };
    item.text = h("small");
    item.buttons = h("span", { class: "item-buttons" });
    item.element = h("li", null, h("span", { class: "grow" }, h("bdi", null, shown(base(path))), item.text), item.buttons);
    this.list.append(item.element);
    this.show(item);
    return item;
  }

  work() {
    for (const item of this.items) {
      if (this.running >= atOnce) break;
      if (item.state === "waiting") this.run(item);
    }
    this.total();
  }

  async run(item) {
    item.state = "running";
    item.started = performance.now();
    item.sent = 0;
    item.abort = new AbortController();
    this.running++;
    this.show(item);
    try {
      await this.send(item);
      item.state = "done";
      item.sent = item.file.size;
    } catch (error) {
      if (error.name === "AbortError") item.state = "canceled";
      else if (error.name === "Skipped") item.state = "skipped";
      else {
        item.state = "failed";
        item.error = error.message;
      }
    }
    this.running--;
    this.show(item);
    if (item.state === "done") this.stored(parent(item.path));
    this.work();
    if (!this.busy()) this.finished();
  }

  // send uploads one file. It replaces nothing unless somebody has seen what is
  // there and said so, and then that version alone.
  async send(item) {
    let etag = "";
    for (;;) {
      const name = base(item.path);
      try {
        return await put(item.path, item.file, etag, (sent) => { item.sent = sent; this.show(item); this.total(); }, item.abort.signal);
      } catch (error) {
        if (error.status !== 412 && error.status !== 405) throw error;
      }
      const there = await look(item.path);
      if (!there) {
        etag = ""; // deleted meanwhile
        continue;
      }
      switch (await this.ask(name, there, item.file)) {
        case "replace": etag = there.etag; break;
        case "both": {
          etag = "";
          const folder = parent(item.path);
          const taken = new Set((await list(folder)).entries.map((e) => e.name));
          item.path = join(folder, freeName(name, (n) => taken.has(n)));
          item.element.querySelector("bdi").textContent = shown(base(item.path));
          break;
        }
        default: throw Object.assign(new Error(), { name: "Skipped" });
      }
    }
  }

  // ask asks one question at a time, and keeps an answer that is for all.
  ask(name, there, file) {
    const turn = this.asking.then(async () => {
      if (this.answer && !(this.answer === "replace" && !there.etag)) return this.answer;
      const { answer, all } = await askConflict(name, there, file);
      if (all) this.answer = answer;
      return answer;
    });
    this.asking = turn.catch(() => {});
    return turn;
  }

  show(item) {
    const buttons = [];
    let text = t(item.state === "running" ? "waiting" : item.state);
    // The server carries out what it has received whole.
    if (item.state === "canceled" && item.sent > 0 && item.sent >= item.file.size) text = t("canceledLate");
    if (item.state === "running") {
      const seconds = (performance.now() - item.started) / 1000;
      text = t("progress", bytes(item.sent), bytes(item.file.size), bytes(Math.round(item.sent / Math.max(seconds, 0.1))));
    }
    if (item.state === "waiting" || item.state === "running") buttons.push(["close", t("cancel"), () => this.cancel(item)]);
    if (item.state === "failed") text = item.error;
    if (item.state === "failed" || item.state === "canceled") buttons.push([null, t("retry"), () => { item.state = "waiting"; this.show(item); this.work(); }]);
    item.element.className = item.state;
    item.text.textContent = text;
    if (item.buttonsOf !== item.state) {
      item.buttonsOf = item.state;
      item.buttons.replaceChildren(...buttons.map(([iconName, label, work]) => button(iconName, label, work, { text: !iconName })));
    }
  }

  total() {
    const live = this.items.filter((i) => i.state !== "canceled" && i.state !== "skipped");
    const size = live.reduce((sum, i) => sum + i.file.size, 0);
    const sent = live.reduce((sum, i) => sum + i.sent, 0);
    const done = live.filter((i) => i.state === "done").length;
    this.title.textContent = `${t("uploads")}: ${done} / ${live.length}`;
    this.bar.max = Math.max(1, size);
    this.bar.value = this.busy() ? sent : this.bar.max;
    this.element.classList.toggle("busy", this.busy());
  }

  finished() {
    const failed = this.items.filter((i) => i.state === "failed").length;
    toast(failed ? t("uploadsFailed", failed) : t("uploadsDone"));
  }

  cancel(item) {
    if (item.state === "waiting") {
      item.state = "canceled";
      this.show(item);
      this.total();
    } else item.abort?.abort();
  }

  cancelAll() {
    for (const item of this.items) if (item.state === "waiting" || item.state === "running") this.cancel(item);
  }

  close() {
    this.element.hidden = true;
    if (!this.busy()) {
      this.items = [];
      this.list.replaceChildren();
    }
  }
}

// makeFolders makes folders, those above first; one that is there is good.
export async function makeFolders(paths) {
  for (const path of [...paths].sort((a, b) => a.length - b.length)) {
    try {
      await makeFolder(path);
    } catch (error) {
      if (error.status !== 405 || !(await look(path))?.dir) throw error;
    }
  }
}

// pickedFiles are the files of an <input>, with the folders of a chosen one.
export function pickedFiles(input, folder) {
  const folders = new Set();
  const files = [...input.files].map((file) => {
    const parts = (file.webkitRelativePath || file.name).split("/").slice(0, -1);
    let at = folder;
    for (const part of parts) folders.add(at = join(at, part));
    return { file, folder: at };
  });
  return { files, folders };
}

// droppedFiles are the files of a drop, with all in its folders.
export async function droppedFiles(transfer, folder) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  const folders = new Set();
  const files = [];
  const walk = async (entry, at) => {
    if (entry.isFile) {
      files.push({ file: await new Promise((resolve, reject) => entry.file(resolve, reject)), folder: at });
      return;
    }
    const path = join(at, entry.name);
    folders.add(path);
    const reader = entry.createReader();
    for (;;) {
      const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
      if (!some.length) return;
      for (const child of some) await walk(child, path);
    }
  };
  for (const entry of entries) await walk(entry, folder);
  return { files, folders };
}
