// What a component page does besides being read: symbols light up, tabs keep together, code is copied, kernels are stepped through.
"use strict";
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  // The symbols table: each row is a place of its symbol, and can be reached by keyboard.
  for (const row of all(".rt-symbols tbody tr")) {
    const names = all("td:nth-child(2) code", row).map(code => code.textContent);
    if (names.length) { row.dataset.sym = names.join(" "); row.tabIndex = 0; }
  }
  const names = element => element.dataset.sym.split(" ");
  function light(wanted, on) {
    for (const element of all("[data-sym]")) {
      if (names(element).some(name => wanted.includes(name))) element.classList.toggle("rt-lit", on);
    }
  }
  for (const [over, on] of [["mouseover", true], ["mouseout", false], ["focusin", true], ["focusout", false]]) {
    document.addEventListener(over, event => {
      const element = event.target.closest && event.target.closest("[data-sym]");
      if (element) light(names(element), on);
    });
  }

  for (const dialog of all(".md-search[role=dialog]")) dialog.setAttribute("aria-label", "Search");

  // Tabs: CPU here is CPU everywhere on the page. A link to a line opens the tab that it is in.
  function choose(device) {
    for (const input of all(`.rt-twins > input[data-device="${device}"]`)) input.checked = true;
  }
  for (const input of all(".rt-twins > input")) input.addEventListener("change", () => choose(input.dataset.device));
  function open() {
    const line = location.hash && document.getElementById(location.hash.slice(1));
    const twin = line && line.closest(".rt-twin");
    if (twin) { choose(twin.dataset.device); line.scrollIntoView({ block: "center" }); }
  }
  window.addEventListener("hashchange", open);
  open();

  for (const button of all(".rt-copy")) {
    button.addEventListener("click", async () => {
      const lines = all(".rt-line code", button.closest(".rt-head").nextElementSibling);
      await navigator.clipboard.writeText(lines.map(line => line.textContent).join("\n") + "\n");
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = "Copy"; }, 1500);
    });
  }

  // The line that a step viewer is at is marked in the listing, too.
  document.addEventListener("step", event => {
    const { name, line } = event.detail;
    for (const old of all(".rt-now")) old.classList.remove("rt-now");
    const row = document.getElementById(`${name.replaceAll("_", "-")}-L${line}`);
    if (row) row.classList.add("rt-now");
  });

  for (const place of all(".rt-viewer")) {
    const scripts = all("script[data-kernel]", place);
    const label = document.createElement("label"), select = document.createElement("select"), stage = document.createElement("div");
    label.textContent = "Kernel";
    label.append(select);
    for (const script of scripts) select.append(new Option(script.dataset.kernel));
    place.append(label, stage);
    const show = () => {
      const viewer = document.createElement("div");
      stage.replaceChildren(viewer);
      place.steps = stepViewer(viewer, JSON.parse(scripts[select.selectedIndex].textContent));
    };
    select.addEventListener("change", show);
    show();
  }
})();
