"use strict";
// Sorts by a column when its head is clicked, and hides what the filter does not match.
const body = document.querySelector("tbody");
const rows = () => [...body.querySelectorAll("tr:not(.parent)")];
const folderFirst = (a, b) => !!b.querySelector(".folder") - !!a.querySelector(".folder");
const compare = {
  name: (a, b) => a.dataset.name.localeCompare(b.dataset.name, undefined, { numeric: true }),
  size: (a, b) => a.dataset.size - b.dataset.size,
  time: (a, b) => a.dataset.time - b.dataset.time,
};
for (const head of document.querySelectorAll("th[data-sort]")) {
  head.addEventListener("click", () => {
    const down = head.getAttribute("aria-sort") === "ascending";
    for (const other of document.querySelectorAll("th")) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const by = compare[head.dataset.sort];
    body.append(...rows().sort((a, b) => folderFirst(a, b) || (down ? by(b, a) : by(a, b))));
  });
}
const filter = document.querySelector("#filter");
filter.hidden = false;
filter.addEventListener("input", () => {
  const text = filter.value.toLowerCase();
  for (const row of rows()) row.hidden = !row.dataset.name.toLowerCase().includes(text);
});
