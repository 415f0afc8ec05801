// Adds a live example to a step viewer: a button. Its scripts are loaded when a reader presses it or opens a link with edits.
"use strict";
(() => {
  const folder = new URL("live/", document.currentScript.src);
  let loading = null;
  function load() {
    const sheet = document.createElement("link");
    Object.assign(sheet, { rel: "stylesheet", href: new URL("panel.css", folder) });
    document.head.append(sheet);
    const scripts = ["syntax.js", "values.js", "run.js", "panel.js"].map(name => new Promise((done, failed) => {
      const script = document.createElement("script");
      Object.assign(script, { src: new URL(name, folder), async: false, onload: done, onerror: failed });
      document.head.append(script);
    }));
    return Promise.all(scripts);
  }

  function prepare(place) {
    const select = place.querySelector("select"), scripts = [...place.querySelectorAll("script[data-live]")];
    const known = name => scripts.find(script => script.dataset.live === name);
    const button = document.createElement("button"), panel = document.createElement("div");
    Object.assign(button, { type: "button", className: "rt-live", textContent: "Change the numbers, the options or the loop" });
    panel.className = "rt-panel";
    place.querySelector("label").after(button, panel);
    let shown = null;
    async function open(edits) {
      loading ??= load();
      await loading;
      shown ??= livePanel(panel, place);
      button.hidden = true;
      shown.choose(JSON.parse(known(select.value).textContent), edits);
    }
    const offer = () => {
      const script = known(select.value);
      panel.hidden = !script;
      button.hidden = !script || shown !== null;
      if (script && shown) open();
    };
    button.addEventListener("click", () => open());
    select.addEventListener("change", offer);
    offer();
    return { open, select, known };
  }
  const places = [...document.querySelectorAll(".rt-viewer")].filter(place => place.querySelector("script[data-live]")).map(prepare);

  function follow() {                                   // a link with edits: #live=...
    const found = /^#live=([\w-]+)$/.exec(location.hash);
    if (!found) return;
    try {
      const bytes = Uint8Array.from(atob(found[1].replaceAll("-", "+").replaceAll("_", "/")), letter => letter.charCodeAt(0));
      const edits = JSON.parse(new TextDecoder().decode(bytes)), place = places.find(one => one.known(edits.kernel));
      if (!place) return;
      place.select.value = edits.kernel;
      place.select.dispatchEvent(new Event("change"));
      place.open(edits);
      place.select.scrollIntoView();
    } catch { /* a link that was cut off: the page shows its own example */ }
  }
  addEventListener("hashchange", follow);
  follow();
})();
