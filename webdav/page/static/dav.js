// Requests: WebDAV for files, the JSON interface for what WebDAV cannot say.
import { config, t } from "./text.js";

// Failed is an answer that is no success. Its message is for people.
export class Failed extends Error {
  constructor(status, reason) {
    const key = `s${status}`;
    const known = t(key);
    super(status === 0 ? t("network") : known === key ? t("other", reason || status) : known);
    this.status = status;
    this.reason = reason;
  }
}

export const escapePath = (path) => path.split("/").map(encodeURIComponent).join("/");
export const join = (folder, name) => (folder === "/" ? "" : folder) + "/" + name;
export const parent = (path) => path.slice(0, path.lastIndexOf("/")) || "/";
export const base = (path) => path.slice(path.lastIndexOf("/") + 1);
export const href = (path, dir) => config.prefix + escapePath(path) + (dir && path !== "/" ? "/" : "");
const absolute = (path) => new URL(href(path), location.href).href;

async function send(method, url, { headers = {}, body, accept = [] } = {}) {
  let response;
  try {
    response = await fetch(url, { method, body, headers: { "X-Davdisk": "1", ...headers }, cache: "no-store" });
  } catch {
    throw new Failed(0);
  }
  if (response.ok && response.status !== 207 || accept.includes(response.status)) return response;
  const text = response.status === 207 ? "" : (await response.text()).trim();
  throw new Failed(response.status === 207 ? 424 : response.status, text.slice(0, 200));
}

const apiUrl = (name, query) => `${config.prefix}/.davdisk/api/${name}${query ? "?" + new URLSearchParams(query) : ""}`;
export async function ask(name, query) {
  return (await send("GET", apiUrl(name, query))).json();
}
export async function tell(name, body = {}) {
  return (await send("POST", apiUrl(name), { headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) })).json();
}

// list returns a folder, or null if it is as it was when etag was seen.
export async function list(path, etag) {
  const response = await send("GET", apiUrl("list", { path }), { headers: etag ? { "If-None-Match": etag } : {}, accept: [304] });
  if (response.status === 304) return null;
  const answer = await response.json();
  answer.etag = response.headers.get("ETag");
  return answer;
}

// look returns what is there under a name, or null.
export async function look(path) {
  const response = await send("HEAD", href(path), { accept: [404] });
  if (response.status === 404) return null;
  return {
    etag: response.headers.get("ETag"), size: Number(response.headers.get("Content-Length")),
    time: Date.parse(response.headers.get("Last-Modified")) || 0, dir: (response.headers.get("Content-Type") ?? "").startsWith("text/html") && !response.headers.get("ETag"),
  };
}

export const makeFolder = (path) => send("MKCOL", href(path, true));
export const remove = (entry) => send("DELETE", href(entry.path, entry.dir), { headers: entry.etag && !entry.dir ? { "If-Match": entry.etag } : {} });

// transfer moves or copies. Without replace nothing is overwritten; with it,
// only the version that was seen.
export function transfer(method, from, to, dir, replace) {
  const headers = { Destination: absolute(to), Overwrite: replace ? "T" : "F" };
  if (replace) headers.If = `<${absolute(to)}> ([${replace}])`;
  return send(method, href(from, dir), { headers });
}

// put uploads a file and tells how far it is. With etag it replaces that
// version alone, else nothing.
export function put(path, file, etag, onprogress, signal) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("PUT", href(path));
    request.setRequestHeader("X-Davdisk", "1");
    request.setRequestHeader(etag ? "If-Match" : "If-None-Match", etag || "*");
    if (file.lastModified) request.setRequestHeader("X-OC-Mtime", String(Math.floor(file.lastModified / 1000)));
    request.upload.onprogress = (event) => onprogress(event.loaded);
    request.onload = () => (request.status >= 200 && request.status < 300 ? resolve() : reject(new Failed(request.status, request.responseText.trim().slice(0, 200))));
    request.onerror = () => reject(new Failed(0));
    request.onabort = () => reject(new DOMException("canceled", "AbortError"));
    signal.addEventListener("abort", () => request.abort());
    request.send(file);
  });
}

// freeName is a name like this one that is not taken: "photo (2).jpg".
export function freeName(name, taken) {
  const dot = name.lastIndexOf(".");
  const [stem, extension] = dot > 0 ? [name.slice(0, dot), name.slice(dot)] : [name, ""];
  for (let i = 2; ; i++) if (!taken(`${stem} (${i})${extension}`)) return `${stem} (${i})${extension}`;
}

// zip has the browser save a folder, or some names in it.
export function zip(path, names) {
  const form = document.createElement("form");
  form.method = "post";
  form.action = apiUrl("zip");
  form.target = "download";
  for (const [name, value] of [["path", path], ...names.map((n) => ["name", n])]) {
    const input = document.createElement("input");
    input.type = "hidden";
    input.name = name;
    input.value = value;
    form.append(input);
  }
  document.body.append(form);
  form.submit();
  form.remove();
}

export const previewUrl = (path, etag) => apiUrl("preview", { path, etag });
