// Elements and texts. Names of files are only ever text nodes or attributes:
// nothing here, or anywhere in the page, parses markup.
import { lang } from "./text.js";

// h makes an element: properties, listeners ("onclick") and children.
export function h(tag, props, ...children) {
  const el = document.createElement(tag);
  for (const [key, value] of Object.entries(props ?? {})) {
    if (value == null || value === false) continue;
    if (key.startsWith("on")) el.addEventListener(key.slice(2), value);
    else if (key in el && typeof value !== "string") el[key] = value;
    else el.setAttribute(key, value === true ? "" : value);
  }
  el.append(...children.flat(Infinity).filter((c) => c != null && c !== false));
  return el;
}

const paths = {
  folder: "M3 6a2 2 0 0 1 2-2h4l2 2h8a2 2 0 0 1 2 2v10a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2z",
  file: "M6 2h8l5 5v13a2 2 0 0 1-2 2H6a2 2 0 0 1-2-2V4a2 2 0 0 1 2-2zm7 1.5V8h4.5z",
  image: "M5 4h14a2 2 0 0 1 2 2v12a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2V6a2 2 0 0 1 2-2zm3 3a2 2 0 1 0 0 4 2 2 0 0 0 0-4zm-3 11h14l-5-7-4 5-2-2z",
  audio: "M9 4l11-2v13.5a3 3 0 1 1-2-2.8V6.5L11 8v9.500a3 3 0 1 1-2-2.800z",
  video: "M4 5h11a2 2 0 0 1 2 2v3l4-3v10l-4-3v3a2 2 0 0 1-2 2H4a2 2 0 0 1-2-2V7a2 2 0 0 1 2-2z",
  pdf: "M6 2h8l5 5v13a2 2 0 0 1-2 2H6a2 2 0 0 1-2-2V4a2 2 0 0 1 2-2zm7 1.500V8h4.500zM7 12v1.500h8V12zm0 3v1.500h8V15zm0 3v1.500h5V18z",
  text: "M6 2h8l5 5v13a2 2 0 0 1-2 2H6a2 2 0 0 1-2-2V4a2 2 0 0 1 2-2zm7 1.500V8h4.500zM7 12v1.500h8V12zm0 3v1.500h8V15zm0 3v1.500h5V18z",
  archive: "M5 3h14a2 2 0 0 1 2 2v14a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2V5a2 2 0 0 1 2-2zm6 2v2h2V5zm0 4v2h2V9zm0 4v4h2v-4z",
  upload: "M12 3l6 6h-4v7h-4V9H6zM4 18h16v3H4z",
  download: "M12 16l6-6h-4V3h-4v7H6zM4 18h16v3H4z",
  plus: "M11 4h2v7h7v2h-7v7h-2v-7H4v-2h7z",
  grid: "M4 4h7v7H4zm9 0h7v7h-7zM4 13h7v7H4zm9 0h7v7h-7z",
  list: "M4 5h16v3H4zm0 5.500h16v3H4zM4 16h16v3H4z",
  menu: "M3 6h18v2H3zm0 5h18v2H3zm0 5h18v2H3z",
  close: "M6 4.600L4.600 6l6 6-6 6L6 19.400l6-6 6 6 1.400-1.400-6-6 6-6L18 4.600l-6 6z",
  prev: "M15 4l2 2-6 6 6 6-2 2-8-8z",
  next: "M9 4L7 6l6 6-6 6 2 2 8-8z",
  link: "M10 7H7a5 5 0 0 0 0 10h3v-2H7a3 3 0 0 1 0-6h3zm4 0h3a5 5 0 0 1 0 10h-3v-2h3a3 3 0 0 0 0-6h-3zM8 11h8v2H8z",
  trash: "M9 3h6l1 2h4v2H4V5h4zM5 8h14l-1 13H6z",
  move: "M3 6a2 2 0 0 1 2-2h4l2 2h8a2 2 0 0 1 2 2v10a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2zm9 3v3H7v2h5v3l5-4z",
  copy: "M8 2h11a2 2 0 0 1 2 2v12h-2V4H8zM5 6h10a2 2 0 0 1 2 2v12a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2V8a2 2 0 0 1 2-2z",
  rename: "M4 16.500V20h3.500L18 9.500 14.500 6zM20 7.500a1.500 1.500 0 0 0 0-2L18.500 4a1.500 1.500 0 0 0-2 0L15.500 5 19 8.500z",
};

export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("class", `icon ${name}`);
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", paths[name] ?? paths.file);
  path.setAttribute("fill-rule", "evenodd");
  svg.append(path);
  return svg;
}

const kinds = {
  image: "jpg jpeg png gif webp avif svg bmp ico",
  audio: "mp3 ogg oga opus wav flac m4a aac",
  video: "mp4 webm mov m4v ogv mkv",
  pdf: "pdf",
  text: "txt md csv tsv log json yaml yml toml ini conf xml html htm css js ts go py rs c h cpp java sh sql m3u srt",
  archive: "zip gz tgz bz2 xz 7z rar tar zst iso",
};
const kindOfExtension = new Map(Object.entries(kinds).flatMap(([kind, list]) => list.split(" ").map((x) => [x, kind])));

// kindOf is the icon of an entry, and what the viewer takes it for.
export function kindOf(entry) {
  if (entry.dir) return "folder";
  const dot = entry.name.lastIndexOf(".");
  return (dot > 0 && kindOfExtension.get(entry.name.slice(dot + 1).toLowerCase())) || "file";
}

// shown is a name as it is shown: characters that turn the direction of what
// follows could make "gpj.exe" look like a picture.
export const shown = (name) => name.replace(/[\u202a-\u202e\u2066-\u2069\u0000-\u001f]/g, "\ufffd");

// button is one with an icon, and its words beside it or as its name.
export function button(iconName, label, onclick, { text = false, ...props } = {}) {
  return h("button", { type: "button", title: text ? null : label, "aria-label": text ? null : label, onclick, ...props },
    iconName && icon(iconName), text && h("span", null, label));
}

const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
const unitsRu = ["Б", "КиБ", "МиБ", "ГиБ", "ТиБ", "ПиБ"];
export function bytes(n) {
  let unit = 0;
  for (; n >= 1024 && unit < 5; unit++) n /= 1024;
  const digits = unit && n < 100 ? 1 : 0;
  return `${n.toLocaleString(lang, { maximumFractionDigits: digits, minimumFractionDigits: 0 })}\u00a0${(lang === "ru" ? unitsRu : units)[unit]}`;
}

const short = new Intl.DateTimeFormat(lang, { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" });
const full = new Intl.DateTimeFormat(lang, { dateStyle: "full", timeStyle: "long" });
export function when(milliseconds) {
  if (!milliseconds) return h("span", null, "");
  const date = new Date(milliseconds);
  return h("time", { datetime: date.toISOString(), title: full.format(date) }, short.format(date));
}

let toasts;
// toast says something for a while; with an action it stays longer.
export function toast(message, action) {
  toasts ??= document.body.appendChild(h("div", { class: "toasts", role: "status", "aria-live": "polite", popover: "manual" }));
  const box = h("div", { class: "toast" }, h("span", null, message),
    action && h("button", { type: "button", onclick: () => { box.remove(); action.run(); } }, action.label),
    h("button", { type: "button", class: "plain", "aria-label": "×", onclick: () => box.remove() }, "×"));
  toasts.append(box);
  toasts.hidePopover(); // above a dialog that was opened since
  toasts.showPopover();
  setTimeout(() => box.remove(), action ? 20000 : 8000);
}
