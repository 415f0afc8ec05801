// The functions of a component page: highlighting symbols, tabs that switch together, copying code, stepping through kernels.
"use strict";
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  // The symbols table: each row stands for its symbol, and can be reached by keyboard.
  for (const row of all(".rt-symbols tbody tr")) {
    const names = all("td:nth-child(2) code", row).map(code => code.textContent);
    if (names.length) { row.dataset.sym = names.join(" "); row.tabIndex = 0; }
  }
  const names = element => element.dataset.sym.split(" ");
  const viewers = all(".rt-viewer");
  let lit = [];
  function light(wanted) {
    if (wanted.join() === lit.join()) return;
    lit = wanted;
    relight();
    for (const viewer of viewers) viewer.steps.light(lit);
  }
  function relight() {
    for (const element of all("[data-sym]")) element.classList.toggle("rt-lit", names(element).some(name => lit.includes(name)));
  }
  const symbol = element => element && element.closest && element.closest("[data-sym]");
  const focused = () => symbol(document.activeElement) ? names(symbol(document.activeElement)) : [];
  document.addEventListener("mouseover", event => light(symbol(event.target) ? names(symbol(event.target)) : focused()));
  document.addEventListener("mouseleave", () => light(focused()));
  document.addEventListener("focusin", () => light(focused()));
  document.addEventListener("focusout", () => light([]));

  // Formulas, tables and pictures that are too wide scroll, so the keyboard must reach them.
  function reach() {
    for (const wide of all(".katex-display, .md-typeset__scrollwrap, .rt-figure, .rt-card figure")) {
      if (wide.scrollWidth > wide.clientWidth) wide.tabIndex = 0; else wide.removeAttribute("tabindex");
    }
  }
  window.addEventListener("resize", reach);
  window.addEventListener("load", reach);   // by then the theme has put its frames around tables
  reach();

  // By keyboard a reader passes the navigation in one step, and comes from the top of the page to the step viewer.
  for (const skip of all(".md-skip")) {
    const heading = viewers[0] && all(":is(h1, h2, h3)[id]").findLast(one => one.compareDocumentPosition(viewers[0]) & Node.DOCUMENT_POSITION_FOLLOWING);
    if (!heading) continue;
    const link = document.createElement("a");
    Object.assign(link, { className: "md-skip", href: `#${heading.id}`, textContent: "Skip to the steps" });
    skip.after(link);
  }

  for (const dialog of all(".md-search[role=dialog]")) dialog.setAttribute("aria-label", "Search");

  // Tabs: choosing CPU in one place chooses it everywhere on the page. A link to a line opens the tab of the line.
  function choose(device) {
    for (const input of all(`.rt-twins > input[data-device="${device}"]`)) {
      if (device !== "both" || input.parentElement.dataset.fits) input.checked = true;
    }
  }
  // CPU and CUDA can be shown side by side if no line of either has to be broken: beside their notes if there is room, otherwise below them.
  function fit() {
    const code = all(".rt-code").find(box => box.clientWidth), probe = document.createElement("code");
    if (!code) return;
    Object.assign(probe, { textContent: "0".repeat(100), style: "position: absolute; visibility: hidden; white-space: pre" });
    code.append(probe);
    const letter = probe.getBoundingClientRect().width / 100, rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
    probe.remove();
    for (const twins of all(".rt-twins")) {
      const room = twins.closest(".rt-row").clientWidth, need = 2 * (letter * (+twins.dataset.columns + 1) + 3 * rem) + .6 * rem;
      const side = room - 1.2 * rem - Math.max(13 * rem, (room - 1.2 * rem) / 6);
      const fits = side >= need ? "beside" : room >= need ? "below" : "";
      if (fits) twins.dataset.fits = fits; else delete twins.dataset.fits;
      const both = twins.querySelector(":scope > input[data-device=both]");
      if (!fits && both.checked) both.parentElement.querySelector("input").checked = true;
    }
  }
  window.addEventListener("resize", fit);
  fit();
  for (const input of all(".rt-twins > input")) input.addEventListener("change", () => choose(input.dataset.device));
  function open() {
    const line = location.hash && document.getElementById(location.hash.slice(1));
    const twin = line && line.closest(".rt-twin");
    if (!twin) return;
    if (!twin.getClientRects().length) choose(twin.dataset.device);
    line.scrollIntoView({ block: "center" });
  }
  window.addEventListener("hashchange", open);
  open();

  // The table of contents: closed on a phone until the reader opens it; the section that is being read is marked.
  for (const contents of all(".rt-contents")) {
    const list = contents.firstElementChild, narrow = matchMedia("(max-width: 59.99em)");
    const fit = () => { list.open = !narrow.matches; };
    narrow.addEventListener("change", fit);
    fit();
    const links = all("a", contents), places = links.map(link => document.getElementById(link.hash.slice(1)));
    for (const link of links) link.addEventListener("click", fit);
    const mark = () => {
      const at = places.findLastIndex(place => place && place.getBoundingClientRect().top < 150);
      links.forEach((link, i) => i === at ? link.setAttribute("aria-current", "true") : link.removeAttribute("aria-current"));
    };
    addEventListener("scroll", mark, { passive: true });
    mark();
  }

  for (const button of all(".rt-copy")) {
    button.addEventListener("click", async () => {
      const lines = all(".rt-line code", button.closest(".rt-head").nextElementSibling);
      await navigator.clipboard.writeText(lines.map(line => line.textContent).join("\n") + "\n");
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = "Copy"; }, 1500);
    });
  }

  // The current line of a step viewer is marked in the listing, too, after the first step.
  let used = false;
  for (const viewer of viewers) for (const kind of ["keydown", "pointerdown"]) viewer.addEventListener(kind, () => { used = true; }, true);
  document.addEventListener("step", event => {
    if (!used) return;
    const { name, line } = event.detail;
    for (const old of all(".rt-now")) old.classList.remove("rt-now");
    const row = document.getElementById(`${name.replaceAll("_", "-")}-L${line}`);
    if (row) row.classList.add("rt-now");
    if (lit.length) relight();
  });

  for (const place of viewers) {
    const scripts = all("script[data-kernel]", place);
    const label = document.createElement("label"), select = document.createElement("select"), stage = document.createElement("div");
    label.textContent = "Kernel";
    label.append(select);
    for (const script of scripts) select.append(new Option(script.dataset.kernel));
    place.append(label, stage);
    const formulas = all(".rt-formula", place), symbols = place.dataset.symbols.split(" ");
    const show = given => {                             // the recording of the page, or another one of that kernel
      const viewer = document.createElement("div"), kernel = scripts[select.selectedIndex].dataset.kernel;
      const found = formulas.find(formula => formula.dataset.kernels.split(" ").includes(kernel));
      const formula = found ? found.cloneNode(true) : null;
      if (formula) formula.hidden = false;
      stage.replaceChildren(viewer);
      place.steps = stepViewer(viewer, given ?? JSON.parse(scripts[select.selectedIndex].textContent), { formula, symbols });
      if (!given && !select.selectedIndex && place.dataset.first) place.steps.show(+place.dataset.first);
    };
    place.show = show;
    select.addEventListener("change", () => show());
    show();
  }
})();
