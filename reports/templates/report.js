"use strict";
// The page works without this: it opens what a link leads to, follows in the contents, sorts and filters.
(() => {
  const open = () => {
    const target = document.getElementById(location.hash.slice(1));
    for (let box = target; box; box = box.parentElement) if (box.tagName === "DETAILS") box.open = true;
    if (target) target.scrollIntoView();
  };
  addEventListener("hashchange", open);
  // On paper nothing can be opened.
  addEventListener("beforeprint", () => document.querySelectorAll("details.box:not(.behind)").forEach((box) => (box.open = true)));
  if (location.hash) open();

  const links = new Map([...document.querySelectorAll("nav a")].map((a) => [a.hash.slice(1), a]));
  const parts = [...links.keys()].map((id) => document.getElementById(id)).filter(Boolean);
  let current = null;
  const follow = () => {
    const edge = innerHeight / 3;
    const last = parts.filter((part) => part.getBoundingClientRect().top <= edge).pop() || parts[0];
    const link = last && links.get(last.id);
    if (link === current) return;
    if (current) current.removeAttribute("aria-current");
    if (link) link.setAttribute("aria-current", "true");
    current = link;
  };
  addEventListener("scroll", follow, { passive: true });
  follow();

  const number = (text) => {
    const found = text.replace(/[\u2212]/g, "-").replace(/,/g, "").match(/-?\d+(\.\d+)?/);
    return found ? Number(found[0]) : null;
  };
  const compare = (a, b) => {
    const [x, y] = [number(a), number(b)];
    const isNumber = x !== null && y !== null && /^[^a-z]*\d/i.test(a) && /^[^a-z]*\d/i.test(b);
    return isNumber ? x - y : a.localeCompare(b);
  };
  for (const table of document.querySelectorAll("table")) {
    const body = table.tBodies[0];
    if (!body || body.rows.length < 4) continue;
    [...table.tHead.rows[0].cells].forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const sign = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
        for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", sign === 1 ? "ascending" : "descending");
        const text = (row) => row.cells[column].textContent.trim();
        body.append(...[...body.rows].sort((a, b) => sign * compare(text(a), text(b))));
      });
    });
    if (body.rows.length < 8) continue;
    const filter = document.createElement("input");
    filter.type = "search";
    filter.className = "filter";
    filter.placeholder = "Filter rows";
    filter.setAttribute("aria-label", "Filter rows of " + (table.parentElement.getAttribute("aria-label") || "the table"));
    filter.addEventListener("input", () => {
      const wanted = filter.value.toLowerCase();
      for (const row of body.rows) row.hidden = !row.textContent.toLowerCase().includes(wanted);
    });
    table.parentElement.before(filter);
  }
})();
