// Pictures, sound, films, PDF and text, shown in place.
import { h, button, icon, kindOf, shown } from "./dom.js";
import { t } from "./text.js";
import { href } from "./dav.js";

const viewable = new Set(["image", "audio", "video", "pdf", "text"]);
const maxText = 1 << 20;

export const canView = (entry) => viewable.has(kindOf(entry)) && !(kindOf(entry) === "text" && entry.size > maxText);

// view shows an entry, and those beside it by the arrows. It returns the last
// one seen.
export function view(entry, all) {
  const entries = all.filter(canView);
  let at = entries.findIndex((e) => e.path === entry.path);
  return new Promise((resolve) => {
    const title = h("h2", { id: "viewer-title" });
    const stage = h("div", { class: "stage" });
    const save = h("a", { class: "button", "aria-label": t("download"), title: t("download") }, icon("download"));
    const step = (by) => { if (entries[at + by]) { at += by; show(); } };
    const prev = button("prev", t("previous"), () => step(-1), { class: "step prev" });
    const next = button("next", t("next"), () => step(1), { class: "step next" });
    const close = button("close", t("close"), () => dialog.close());
    const dialog = h("dialog", { class: "viewer", "aria-labelledby": "viewer-title" }, h("header", null, title, h("span", { class: "grow" }), save, close), prev, stage, next);
    const show = () => {
      const e = entries[at];
      title.replaceChildren(h("bdi", null, shown(e.name)));
      save.href = href(e.path);
      save.download = e.name;
      prev.disabled = at === 0;
      next.disabled = at === entries.length - 1;
      stage.replaceChildren(contentOf(e));
    };
    dialog.addEventListener("keydown", (event) => {
      if (event.target.matches("audio, video")) return;
      if (event.key === "ArrowLeft") step(-1);
      else if (event.key === "ArrowRight") step(1);
    });
    dialog.addEventListener("click", (event) => { if (event.target === stage) dialog.close(); });
    dialog.addEventListener("close", () => { dialog.remove(); resolve(entries[at]); });
    document.body.append(dialog);
    show();
    dialog.showModal();
    close.focus();
  });
}

function contentOf(entry) {
  const src = href(entry.path);
  const sorry = () => h("p", { class: "sorry" }, t("notText"));
  switch (kindOf(entry)) {
    case "image": {
      const img = h("img", { src, alt: shown(entry.name) });
      img.addEventListener("error", () => img.replaceWith(sorry()));
      return img;
    }
    case "audio": case "video": {
      const media = h(kindOf(entry), { src, controls: true, autoplay: true });
      media.addEventListener("error", () => media.replaceWith(sorry()));
      return media;
    }
    case "pdf": return h("iframe", { src, title: shown(entry.name) });
    default: {
      const pre = h("pre", { tabIndex: 0 });
      fetch(src, { headers: { "X-Davdisk": "1" } })
        .then((response) => (response.ok ? response.text() : Promise.reject()))
        .then((text) => { pre.textContent = text; }, () => pre.replaceWith(sorry()));
      return pre;
    }
  }
}
