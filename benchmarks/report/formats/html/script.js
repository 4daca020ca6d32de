"use strict";
(() => {
  const rows = JSON.parse(document.getElementById("data").textContent);
  const byId = (id) => document.getElementById(id);
  const make = (tag, attributes = {}, ...children) => {
    const svg = ["svg", "line", "polyline", "text", "title"].includes(tag);
    const element = svg ? document.createElementNS("http://www.w3.org/2000/svg", tag)
      : document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  };
  document.documentElement.classList.add("js");

  // Sorting: rows without a value come last in both directions.
  const key = (row, column, numeric) => {
    const cell = row.cells[column];
    if (!numeric) return cell.textContent.trim();
    return cell.dataset.order === undefined ? null : Number(cell.dataset.order);
  };
  const compare = (a, b) => (typeof a === "number" ? a - b : a.localeCompare(b, "en", { numeric: true }));
  const sort = (table, column, way) => {
    const body = table.tBodies[0];
    const numeric = [...body.rows].some((row) => row.cells[column].dataset.order !== undefined);
    const sorted = [...body.rows].map((row) => [key(row, column, numeric), row]);
    const empty = (value) => value === null || value === "";
    sorted.sort(([a], [b]) => (empty(a) || empty(b) ? empty(a) - empty(b) : way * compare(a, b)));
    for (const [, row] of sorted) row.classList.remove("first");
    body.append(...sorted.map(([, row]) => row));
  };
  for (const table of document.querySelectorAll(".results")) {
    const headers = [...table.tHead.rows[0].cells].filter((cell) => !cell.classList.contains("more"));
    headers.forEach((header) => {
      const button = make("button", { type: "button" }, header.textContent);
      header.replaceChildren(button);
      button.addEventListener("click", () => {
        const way = header.getAttribute("aria-sort") === "ascending" ? -1 : 1;
        for (const other of headers) other.removeAttribute("aria-sort");
        header.setAttribute("aria-sort", way === 1 ? "ascending" : "descending");
        sort(table, header.cellIndex, way);
      });
    });
  }

  // Columns without room are left out, the least important first, and named below the table.
  const label = (header) => header.textContent.trim();
  const show = (table, column, shown) => {
    for (const row of table.rows) row.cells[column].hidden = !shown;
  };
  const fit = (table, note) => {
    const region = table.parentElement, headers = [...table.tHead.rows[0].cells];
    headers.forEach((header) => show(table, header.cellIndex, true));
    const left = headers.filter((header) => header.dataset.rank > 0)
      .sort((a, b) => a.dataset.rank - b.dataset.rank);
    const out = [];
    while (!table.dataset.whole && region.scrollWidth > region.clientWidth && left.length > 1) {
      out.push(left.pop());
      show(table, out[out.length - 1].cellIndex, false);
    }
    out.sort((a, b) => a.cellIndex - b.cellIndex);
    note.hidden = !out.length && !table.dataset.whole;
    note.querySelector("span").textContent = out.length ? `Not shown: ${out.map(label).join(", ")}.` : "";
    note.querySelector("button").textContent = out.length ? "Show all columns" : "Show columns that fit";
  };
  for (const note of document.querySelectorAll(".left-out")) {
    const table = note.previousElementSibling.querySelector("table");
    note.querySelector("button").addEventListener("click", () => {
      table.dataset.whole = table.dataset.whole ? "" : "yes";
      fit(table, note);
    });
    new ResizeObserver(() => fit(table, note)).observe(table.parentElement);
    addEventListener("beforeprint", () => [...table.tHead.rows[0].cells].forEach((header) => show(table, header.cellIndex, true)));
    addEventListener("afterprint", () => fit(table, note));
  }

  // Filtering.
  for (const input of document.querySelectorAll("[data-filter]")) {
    const all = [...byId(input.dataset.filter).tBodies[0].rows];
    if (all.length < 13) continue;
    input.closest(".tools").hidden = false;
    input.addEventListener("input", () => {
      const plain = (text) => text.toLowerCase().replace(/\s+/g, " ");
      const wanted = plain(input.value).trim();
      for (const row of all) row.hidden = !plain(row.textContent).includes(wanted);
      const shown = all.filter((row) => !row.hidden).length;
      input.closest(".tools").querySelector("[role=status]").textContent =
        input.value ? `${shown} of ${all.length} rows` : "";
    });
  }

  // Learning curves.
  const chart = (title, cell, names, digits) => {
    const series = names.filter(([name]) => cell[name]);
    const values = series.flatMap(([name]) => cell[name]).filter((v) => v !== null);
    if (!values.length) return [];
    const low = Math.min(...values), high = Math.max(...values, low + 1);
    const at = cell.at ?? Array.from({ length: cell.epochs }, (_, i) => i);
    const x = (i) => (cell.epochs > 1 ? (100 * i) / (cell.epochs - 1) : 50);
    const y = (value) => 100 - (100 * (value - low)) / (high - low);
    const svg = make("svg", { role: "img", "aria-label": `${title} by epoch` });
    for (const share of [0, 0.5, 1]) {
      const value = low + share * (high - low);
      svg.append(make("line", { class: "grid", x1: 0, x2: "100%", y1: `${y(value)}%`, y2: `${y(value)}%` }));
      svg.append(make("text", { class: "tick-y", x: 0, y: `${y(value)}%`, dx: -6, dy: 4 }, (value / 1000).toFixed(digits)));
    }
    for (const i of new Set([0, Math.floor((cell.epochs - 1) / 2), cell.epochs - 1])) {
      svg.append(make("text", { class: "tick-x", x: `${x(i)}%`, y: "100%", dy: 18 }, String(i + 1)));
    }
    if (cell.best) {
      const place = `${x(cell.best - 1)}%`;
      svg.append(make("line", { class: "best", x1: place, x2: place, y1: 0, y2: "100%" }));
    }
    const plot = make("svg", { "aria-hidden": "true", viewBox: "0 0 100 100", preserveAspectRatio: "none", width: "100%", height: "100%", style: "margin:0;width:100%;height:100%" });
    for (const [name, kind] of series) {
      const points = cell[name].map((v, i) => (v === null ? null : `${x(at[i])},${y(v)}`)).filter(Boolean);
      if (points.length === 1) points.push(points[0]);
      plot.append(make("polyline", { class: `curve ${kind}`, points: points.join(" ") }));
    }
    svg.append(plot);
    const legend = make("p", { class: "legend" });
    for (const [, kind] of series) {
      const line = make("svg", { width: 26, height: 10, "aria-hidden": "true", style: "display:inline;height:10px;width:26px;margin:0" },
        make("line", { class: `curve ${kind}`, x1: 0, x2: 26, y1: 5, y2: 5 }));
      legend.append(make("span", { class: "key" }, line, ` ${kind}`));
    }
    return [make("div", {}, make("h3", {}, title), legend, svg)];
  };

  // Confusion.
  const confusion = (classes, counts, of) => {
    const head = make("tr", {}, make("th", { scope: "col" }, "true \\ predicted"));
    for (const name of classes) head.append(make("th", { scope: "col" }, name));
    head.append(make("th", { scope: "col" }, "images"));
    const body = make("tbody");
    counts.forEach((row, i) => {
      const total = row.reduce((a, b) => a + b, 0);
      const line = make("tr", {}, make("th", { scope: "row" }, classes[i]));
      row.forEach((count, j) => {
        const share = total ? count / total : 0;
        const cell = make("td", { style: `background:rgba(var(--heat),${(0.5 * share).toFixed(3)})` }, String(count));
        cell.append(make("span", { class: "share" }, total ? `${(100 * share).toFixed(0)} %` : "–"));
        if (i === j) cell.style.fontWeight = "700";
        line.append(cell);
      });
      line.append(make("td", {}, String(total)));
      body.append(line);
    });
    const caption = make("caption", {}, make("span", {}, `Test images by true and predicted class, ${of}; percentages are of the true class, recall in bold`));
    const table = make("table", {}, caption, make("thead", {}, head), body);
    return make("div", { class: "confusion", tabindex: "0", role: "region", "aria-label": "Confusion matrix" }, table);
  };
  const together = (all) => all.reduce((a, b) => a.map((row, i) => row.map((n, j) => n + b[i][j])));

  // The panel.
  const panel = byId("panel"), seeds = byId("panel-seed"), folds = byId("panel-fold");
  let row = null;
  const fill = (select, values, name) => {
    const kept = select.value;
    select.replaceChildren(...values.map((value) => make("option", { value }, name(value))));
    if (values.map(String).includes(kept)) select.value = kept;
  };
  const draw = () => {
    const all = seeds.value === "all";
    const cells = row.cells.filter((cell) => !all && String(cell.seed) === seeds.value);
    fill(folds, cells.map((cell) => cell.fold), String);
    folds.closest("label").hidden = all || cells.length < 2;
    const cell = cells.find((one) => String(one.fold) === folds.value);
    const origin = cell && byId(`c${cell.id}`);
    byId("panel-origin").textContent = origin ? origin.textContent + (cell.best ? `; epoch ${cell.best} of ${cell.epochs} was selected` : "") : "";
    byId("panel-curves").replaceChildren(...(cell ? [
      ...chart("Loss", cell, [["loss", "train"], ["val_loss", "validation"]], 2),
      ...chart("Accuracy", cell, [["accuracy", "train"], ["val_accuracy", "validation"]], 2),
    ] : []));
    const place = row.seeds.findIndex((seed) => String(seed) === seeds.value);
    const several = new Set(row.cells.map((one) => one.fold)).size > 1 ? ", folds pooled" : "";
    const counts = all ? together(row.confusion) : row.confusion[place];
    byId("panel-confusion").replaceChildren(
      counts ? confusion(row.classes, counts, (all ? "all seeds" : `seed ${seeds.value}`) + several)
        : make("p", {}, "No confusion matrix yet: folds of this seed are missing."));
  };
  seeds.addEventListener("change", draw);
  folds.addEventListener("change", draw);
  for (const button of document.querySelectorAll("button[data-row]")) {
    button.addEventListener("click", () => {
      row = rows[Number(button.dataset.row)];
      byId("panel-title").textContent = row.name;
      const line = button.closest("tr"), headers = [...button.closest("table").tHead.rows[0].cells];
      const figures = headers.filter((header) => header.dataset.rank > 0 && line.cells[header.cellIndex].textContent.trim());
      byId("panel-figures").replaceChildren(...figures.map((header) =>
        make("div", {}, make("dt", {}, label(header)), make("dd", {}, label(line.cells[header.cellIndex])))));
      const known = [...new Set(row.cells.map((cell) => cell.seed))].sort((a, b) => a - b);
      fill(seeds, row.confusion.length > 1 ? [...known, "all"] : known, (seed) => (seed === "all" ? "all seeds" : String(seed)));
      seeds.value = String(known[0]);
      draw();
      panel.showModal();
      byId("panel-title").focus();
    });
  }
  panel.addEventListener("click", (event) => { if (event.target === panel) panel.close(); });
})();
