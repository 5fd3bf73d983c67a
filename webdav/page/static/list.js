// The rows of a folder, made as they come into view.
import { h, icon, kindOf, shown, bytes, when } from "./dom.js";
import { config, lang, t } from "./text.js";
import { href, previewUrl } from "./dav.js";

const collator = new Intl.Collator(lang, { numeric: true, sensitivity: "base" });
const byName = (a, b) => collator.compare(a.name, b.name) || (a.name < b.name ? -1 : 1);
const orders = { name: byName, size: (a, b) => a.size - b.size, time: (a, b) => (a.time ?? 0) - (b.time ?? 0) };
const fields = ["name", "dir", "size", "time", "etag"]; // of an entry, as far as its row shows them
const ahead = 8; // rows made beyond what is seen

export class List {
  // actions: open, changed (selection), rename, drop
  constructor(actions) {
    this.actions = actions;
    this.entries = [];
    this.rows = []; // entries as they are shown
    this.selected = new Set(); // paths
    this.cursor = -1;
    this.by = "name";
    this.down = false;
    this.grid = localStorage.getItem("davdisk-view") === "grid";
    this.made = new Map(); // index to element
    const head = (by, label) => h("div", { role: "columnheader", class: `cell ${by}`, "data-by": by },
      h("button", { type: "button", onclick: () => this.sort(by) }, label));
    this.all = h("input", { type: "checkbox", "aria-label": t("selectAll"), onchange: () => this.selectAll(this.all.checked) });
    this.head = h("div", { role: "row", class: "head" }, h("div", { role: "columnheader", class: "cell check" }, this.all),
      head("name", t("name")), head("size", t("size")), head("time", t("changed")));
    this.space = h("div", { role: "rowgroup", class: "space" });
    this.body = h("div", { class: "body", role: "presentation" }, this.space);
    this.element = h("div", { id: "list", role: "grid", tabIndex: 0, "aria-label": t("files"), "aria-multiselectable": "true" },
      h("div", { role: "rowgroup" }, this.head), this.body);
    this.body.addEventListener("scroll", () => this.paint(), { passive: true });
    new ResizeObserver(() => this.layout()).observe(this.body);
    this.element.addEventListener("keydown", (event) => this.key(event));
    this.element.addEventListener("focus", () => { if (this.cursor < 0 && this.rows.length) this.move(0); });
    this.space.addEventListener("click", (event) => this.click(event));
    this.space.addEventListener("dblclick", (event) => this.double(event));
    this.space.addEventListener("dragstart", (event) => this.drag(event));
  }

  show(entries, { keep = false, parts = false } = {}) {
    this.entries = entries;
    this.parts = parts; // entries of several folders: show where they are
    if (!keep) {
      this.selected.clear();
      this.cursor = -1;
      this.body.scrollTop = 0;
    }
    this.arrange();
  }

  filter(text) {
    this.wanted = text.trim().toLowerCase();
    this.body.scrollTop = 0;
    this.arrange();
  }

  sort(by) {
    this.down = this.by === by && !this.down;
    this.by = by;
    this.arrange();
  }

  arrange() {
    const at = this.rows[this.cursor]?.path;
    const before = this.rows;
    const order = orders[this.by];
    this.rows = (this.wanted ? this.entries.filter((e) => e.name.toLowerCase().includes(this.wanted)) : [...this.entries])
      .sort((a, b) => !!b.dir - !!a.dir || (this.down ? order(b, a) : order(a, b)) || byName(a, b));
    const paths = new Set(this.rows.map((e) => e.path));
    for (const path of this.selected) if (!paths.has(path)) this.selected.delete(path);
    this.cursor = this.rows.findIndex((e) => e.path === at);
    for (const cell of this.head.querySelectorAll("[data-by]")) {
      if (cell.dataset.by === this.by) cell.setAttribute("aria-sort", this.down ? "descending" : "ascending");
      else cell.removeAttribute("aria-sort");
    }
    this.element.setAttribute("aria-rowcount", this.rows.length + 1);
    this.reuse(before);
    this.layout();
    this.actions.changed();
  }

  setGrid(grid) {
    this.grid = grid;
    localStorage.setItem("davdisk-view", grid ? "grid" : "list");
    this.layout();
  }

  // reuse keeps the elements of entries that are as they were before. One that
  // is replaced gets no click that began on the old one, and loses what is being
  // typed in it.
  reuse(before) {
    const old = new Map([...this.made].map(([index, element]) => [before[index].path, { entry: before[index], element }]));
    this.made.clear();
    this.rows.forEach((entry, index) => {
      const was = old.get(entry.path);
      if (!was || this.partsMade !== this.parts || fields.some((f) => was.entry[f] !== entry[f])) return;
      old.delete(entry.path);
      this.made.set(index, was.element);
    });
    for (const { element } of old.values()) element.remove();
    this.partsMade = this.parts;
  }

  // layout measures the list and places the rows in view.
  layout() {
    this.element.classList.toggle("grid", this.grid);
    const width = this.space.clientWidth;
    this.columns = this.grid ? Math.max(2, Math.floor(width / 168)) : 1;
    this.height = this.grid ? 184 : 44;
    this.space.style.height = `${Math.ceil(this.rows.length / this.columns) * this.height}px`;
    if (this.gridMade !== this.grid) { // pictures instead of icons
      this.space.replaceChildren();
      this.made.clear();
      this.gridMade = this.grid;
    }
    for (const [index, element] of this.made) this.place(element, index);
    this.paint();
  }

  place(element, index) {
    element.id = `row-${index}`;
    element.dataset.index = index;
    element.setAttribute("aria-rowindex", index + 2);
    element.style.transform = `translate(${(index % this.columns) * 100}%, ${Math.floor(index / this.columns) * this.height}px)`;
    element.style.width = `${100 / this.columns}%`;
    element.style.height = `${this.height}px`;
  }

  // paint makes the rows that have come into view, and drops those that have left.
  paint() {
    const first = Math.max(0, Math.floor(this.body.scrollTop / this.height) - ahead) * this.columns;
    const last = Math.min(this.rows.length, (Math.ceil((this.body.scrollTop + this.body.clientHeight) / this.height) + ahead) * this.columns);
    for (const [index, element] of this.made) {
      if ((index < first || index >= last) && !element.contains(document.activeElement)) {
        element.remove();
        this.made.delete(index);
      }
    }
    for (let index = first; index < last; index++) {
      if (this.made.has(index)) continue;
      const element = this.make(this.rows[index]);
      this.place(element, index);
      this.made.set(index, element);
    }
    // In the order in which they are read out; one in its place is not moved.
    let next = this.space.firstChild;
    for (const index of [...this.made.keys()].sort((a, b) => a - b)) {
      const element = this.made.get(index);
      if (element === next) next = next.nextSibling;
      else this.space.insertBefore(element, next);
    }
    this.mark();
  }

  make(entry) {
    const name = shown(entry.name);
    const check = h("input", { type: "checkbox", tabIndex: -1, "aria-label": t("select", name) });
    const link = h("a", { href: href(entry.path, entry.dir), tabIndex: -1, draggable: false, title: name }, h("bdi", null, name));
    const where = this.parts && h("small", { class: "where" }, h("bdi", null, shown(entry.path.slice(0, entry.path.lastIndexOf("/")) || "/")));
    return h("div", { role: "row", class: "row", draggable: !config.readOnly },
      h("div", { role: "gridcell", class: "cell check" }, check),
      h("div", { role: "gridcell", class: "cell name" }, this.picture(entry), h("span", { class: "label" }, link, where)),
      h("div", { role: "gridcell", class: "cell size" }, entry.dir ? "" : bytes(entry.size)),
      h("div", { role: "gridcell", class: "cell time" }, when(entry.time)));
  }

  // picture is the preview of an entry in the grid, or the icon of its kind.
  picture(entry) {
    const kind = kindOf(entry);
    const own = kind === "image" && entry.size < 3 << 20;
    const made = config.can.previews && ["image", "video", "pdf"].includes(kind);
    if (!this.grid || !own && !made) return icon(kind);
    const sources = [made && previewUrl(entry.path, entry.etag ?? ""), own && href(entry.path)].filter(Boolean);
    const img = h("img", { alt: "", loading: "lazy", draggable: false, src: sources.shift() });
    img.addEventListener("error", () => {
      if (sources.length) img.src = sources.shift();
      else img.replaceWith(icon(kind));
    });
    return img;
  }

  // mark shows what is selected and where the cursor is.
  mark() {
    for (const [index, element] of this.made) {
      const selected = this.selected.has(this.rows[index].path);
      element.setAttribute("aria-selected", selected);
      element.querySelector("input[type=checkbox]").checked = selected;
      element.classList.toggle("cursor", index === this.cursor);
    }
    this.all.checked = this.rows.length > 0 && this.selected.size === this.rows.length;
    this.all.indeterminate = this.selected.size > 0 && !this.all.checked;
    if (this.made.has(this.cursor)) this.element.setAttribute("aria-activedescendant", `row-${this.cursor}`);
    else this.element.removeAttribute("aria-activedescendant");
  }

  chosen() {
    return this.rows.filter((e) => this.selected.has(e.path));
  }

  // targets are what an action is about: the selection, or what the cursor is at.
  targets() {
    const chosen = this.chosen();
    return chosen.length || this.cursor < 0 ? chosen : [this.rows[this.cursor]];
  }

  select(index, on = true) {
    const { path } = this.rows[index];
    if (on) this.selected.add(path);
    else this.selected.delete(path);
  }

  selectAll(on) {
    this.selected = new Set(on ? this.rows.map((e) => e.path) : []);
    this.mark();
    this.actions.changed();
  }

  // move takes the cursor to a row and brings it into view.
  move(index, range) {
    if (!this.rows.length) return;
    index = Math.min(this.rows.length - 1, Math.max(0, index));
    if (range) {
      this.anchor ??= Math.max(0, this.cursor);
      this.selected.clear();
      for (let i = Math.min(this.anchor, index); i <= Math.max(this.anchor, index); i++) this.select(i);
    } else this.anchor = null;
    this.cursor = index;
    const top = Math.floor(index / this.columns) * this.height;
    if (top < this.body.scrollTop) this.body.scrollTop = top;
    else if (top + this.height > this.body.scrollTop + this.body.clientHeight) this.body.scrollTop = top + this.height - this.body.clientHeight;
    this.paint();
    if (range) this.actions.changed();
  }

  // find puts the cursor on a path.
  find(path) {
    const index = this.rows.findIndex((e) => e.path === path);
    if (index >= 0) this.move(index);
    return index >= 0;
  }

  key(event) {
    if (event.target.matches("input:not([type=checkbox])") || event.altKey) return;
    const page = Math.max(1, Math.floor(this.body.clientHeight / this.height) - 1) * this.columns;
    const steps = { ArrowDown: this.columns, ArrowUp: -this.columns, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
    if (this.grid) Object.assign(steps, { ArrowRight: 1, ArrowLeft: -1 });
    if (event.key in steps) this.move(this.cursor < 0 ? 0 : this.cursor + steps[event.key], event.shiftKey);
    else if (event.key === " " && this.cursor >= 0) {
      this.select(this.cursor, !this.selected.has(this.rows[this.cursor].path));
      this.mark();
      this.actions.changed();
    } else if (event.key === "Enter" && this.cursor >= 0 && !event.target.closest("button")) this.actions.open(this.rows[this.cursor]);
    else return;
    event.preventDefault();
  }

  indexOf(event) {
    const row = event.target.closest?.(".row");
    return row ? Number(row.dataset.index) : -1;
  }

  click(event) {
    const index = this.indexOf(event);
    if (index < 0 || event.target.closest(".rename")) return;
    const modified = event.ctrlKey || event.metaKey;
    if (event.target.closest("a")) {
      if (modified || event.shiftKey) return; // the browser opens a tab
      event.preventDefault();
      this.cursor = index;
      this.actions.open(this.rows[index]);
      return;
    }
    if (event.shiftKey && this.cursor >= 0) this.move(index, true);
    else {
      const toggle = modified || event.target.closest(".check");
      const on = !toggle || !this.selected.has(this.rows[index].path);
      if (!toggle) this.selected.clear();
      this.select(index, on);
      this.cursor = index;
      this.anchor = null;
    }
    this.mark();
    this.actions.changed();
  }

  double(event) {
    const index = this.indexOf(event);
    if (index >= 0 && !event.target.closest("a, .check, .rename")) this.actions.open(this.rows[index]);
  }

  drag(event) {
    const index = this.indexOf(event);
    if (index < 0) return;
    if (!this.selected.has(this.rows[index].path)) {
      this.selected.clear();
      this.select(index);
      this.mark();
      this.actions.changed();
    }
    event.dataTransfer.effectAllowed = "copyMove";
    event.dataTransfer.setData("application/x-davdisk", "1");
    event.dataTransfer.setData("text/uri-list", this.chosen().map((e) => new URL(href(e.path, e.dir), location.href).href).join("\r\n"));
  }

  // edit has the name of a row typed anew, and gives it to done.
  edit(entry, done) {
    if (!this.find(entry.path)) return;
    const cell = this.made.get(this.cursor).querySelector(".label");
    const before = [...cell.childNodes];
    const input = h("input", { class: "rename", value: entry.name, "aria-label": t("rename"), spellcheck: "false" });
    let over = false;
    const finish = (name) => {
      if (over) return;
      over = true;
      cell.replaceChildren(...before);
      this.element.focus();
      if (name != null && name !== entry.name) done(name);
    };
    input.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.key === "Enter") finish(input.value);
      else if (event.key === "Escape") finish();
    });
    input.addEventListener("blur", () => finish(input.value));
    cell.replaceChildren(input);
    input.focus();
    const dot = entry.name.lastIndexOf(".");
    input.setSelectionRange(0, dot > 0 && !entry.dir ? dot : entry.name.length);
  }
}
