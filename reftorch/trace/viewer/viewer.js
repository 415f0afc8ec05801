// Steps through a recording of reftorch.trace: stepViewer(element, recording). The format is described in reftorch/trace/__init__.py.
"use strict";

function stepViewer(root, recording) {
  const { functions, arrays, variables, steps } = recording;
  const make = (tag, name, parent, text) => {
    const node = document.createElement(tag);
    if (name) node.className = name;
    if (text !== undefined) node.textContent = text;
    if (parent) parent.append(node);
    return node;
  };

  // ------------------------------------------------------------------------------------------------- what the recording says
  const rows = [];                                      // of each row: the function's number, the line in its file
  functions.forEach((f, number) => f.source.forEach((text, i) => rows.push({ number, line: f.line + i, text })));
  const heads = functions.map((f, number) => rows.findIndex(row => row.number === number && /^\s*def /.test(row.text)));
  const owners = [];                                    // of each step: the CUDA thread
  for (let i = 0, next = 0, thread = 0; i < steps.length; i++) {
    while (next < recording.threads.length && recording.threads[next][0] <= i) thread = recording.threads[next++][1];
    owners.push(thread);
  }
  const initial = arrays.flatMap(array => array.data);

  // State after step `at`: the numbers of all cells, and the variables of each thread's functions.
  let at = -1, cells = initial.slice(), known = new Map();
  function apply(step) {
    const [row, changes = [], , writes = []] = steps[step];
    for (let i = 0; i < writes.length; i += 2) cells[writes[i]] = writes[i + 1];
    if (row < 0) return;
    const key = owners[step] + ":" + rows[row].number;
    if (heads[rows[row].number] === row || !known.has(key)) known.set(key, new Map());  // a call begins anew
    for (let i = 0; i < changes.length; i += 2) known.get(key).set(changes[i], changes[i + 1]);
  }
  function play(to) {
    if (to < at) { at = -1; cells = initial.slice(); known = new Map(); }
    while (at < to) apply(++at);
  }

  // ----------------------------------------------------------------------------------------------------------------- controls
  root.classList.add("step-viewer");
  root.tabIndex = 0;
  const bar = make("div", "sv-bar", root);
  const button = (label, title, action) => {
    const node = make("button", "", bar, label);
    Object.assign(node, { type: "button", title, onclick: action });
    node.setAttribute("aria-label", title);
    return node;
  };
  button("«", "First step (Home)", () => show(0));
  button("‹", "Step back (left arrow)", () => show(at - 1));
  const playing = button("▶", "Play (space)", () => toggle());
  button("›", "Step (right arrow)", () => show(at + 1));
  button("⤴", "Step out of the loop (o)", () => leave());
  button("»", "Last step (End)", () => show(steps.length - 1));
  const slider = make("input", "sv-slider", bar);
  Object.assign(slider, { type: "range", min: 0, max: steps.length - 1, value: 0, oninput: () => show(+slider.value) });
  slider.setAttribute("aria-label", "Step");
  const count = make("output", "sv-count", bar);
  const state = make("div", "sv-state", root);
  state.setAttribute("aria-live", "polite");
  const panes = make("div", "sv-panes", root);
  const code = make("div", "sv-code", panes), tables = make("div", "sv-arrays", panes);
  for (const [pane, title] of [[code, "Code"], [tables, "Arrays"]]) {  // they scroll, so the keyboard must reach them
    pane.tabIndex = 0;
    pane.setAttribute("role", "region");
    pane.setAttribute("aria-label", title);
  }
  make("p", "sv-help", root, "← → step · ↑ ↓ the same line, before and after · o leaves the loop · space plays · click a line to run to it. "
    + "Blue cells are read by the marked line, orange ones written; a dot is memory that nobody has written.");

  // --------------------------------------------------------------------------------------------------------------------- code
  const WORDS = /(#.*)|("[^"]*"|'[^']*')|\b(def|for|in|if|elif|else|while|return|and|or|not|is|None|True|False|break|continue|pass|import|from|with|as|lambda)\b|\b(\d+(?:\.\d+)?)\b|(@[\w.]+)/g;
  const CLASSES = ["", "sv-comment", "sv-string", "sv-word", "sv-number", "sv-mark"];
  function highlight(node, text) {
    let end = 0;
    for (const match of text.matchAll(WORDS)) {
      node.append(text.slice(end, match.index));
      make("span", CLASSES[match.findIndex((part, i) => i && part)], node, match[0]);
      end = match.index + match[0].length;
    }
    node.append(text.slice(end) || (end ? "" : " "));
  }
  const listings = functions.map((f, number) => {
    const listing = make("div", "sv-listing", code);
    make("div", "sv-file", listing, `${f.file} · ${f.name}`);
    listing.hidden = true;
    return listing;
  });
  const lines = rows.map((row, index) => {
    const line = make("div", "sv-line", listings[row.number]);
    make("span", "sv-lineno", line, row.line);
    highlight(make("code", "", line), row.text);
    line.onclick = () => seek(index, +1) || seek(index, -1);
    return line;
  });

  // ------------------------------------------------------------------------------------------------------------------- arrays
  const boxes = [];                                     // the table cell of each array cell
  for (const array of arrays) {
    const figure = make("figure", "sv-array", tables), shape = array.shape, first = boxes.length;
    const caption = make("figcaption", "", figure, array.name);
    make("small", "", caption, ` (${shape.join(", ")}${shape.length === 1 ? "," : ""}) ${array.dtype}`);
    const columns = shape.length ? shape[shape.length - 1] : 1, height = shape.length > 1 ? shape[shape.length - 2] : 1;
    const index = flat => shape.map((extent, d) => Math.floor(flat / shape.slice(d + 1).reduce((a, b) => a * b, 1)) % extent);
    const sheets = make("div", "sv-sheets", figure);
    for (let flat = 0; flat < array.data.length;) {
      const sheet = make("div", "", sheets), table = make("table", "", sheet);
      if (shape.length > 2 && array.data.length > columns * height) make("small", "", sheet, `[${index(flat).slice(0, -2).join(", ")}]`);
      for (let r = 0; r < height; r++) {
        const line = make("tr", "", table);
        for (let c = 0; c < columns; c++, flat++) {
          const box = make("td", "", line);
          box.dataset.name = `${array.name}[${index(flat).join(", ")}]`;
          boxes.push(box);
        }
      }
    }
    if (boxes.length === first) make("small", "", figure, "empty");
  }
  const short = value => value === null ? "·" : typeof value !== "number" ? String(value)
    : Number.isInteger(value) && Math.abs(value) < 1e7 ? String(value) : String(+value.toPrecision(4));
  const long = value => value === null ? "None" : value === true ? "True" : value === false ? "False"
    : Array.isArray(value) ? `(${value.map(long).join(", ")})` : String(value);

  // -------------------------------------------------------------------------------------------------------------------- moving
  let marked = [];
  function show(step) {
    play(Math.max(0, Math.min(steps.length - 1, step)));
    const [row, changes = [], reads = [], writes = []] = steps[at];
    slider.value = at;
    count.textContent = `${at + 1} / ${steps.length}`;
    for (const node of marked) node.classList.remove("sv-now", "sv-read", "sv-written");
    marked = [];
    const mark = (node, name) => { node.classList.add(name); marked.push(node); };
    boxes.forEach((box, i) => {
      const text = short(cells[i]);
      if (box.textContent !== text) box.textContent = text;
      box.title = `${box.dataset.name} = ${long(cells[i])}`;
    });
    for (const cell of reads) mark(boxes[cell], "sv-read");
    for (let i = 0; i < writes.length; i += 2) mark(boxes[writes[i]], "sv-written");
    state.replaceChildren();
    if (recording.device === "cuda" && row >= 0) make("span", "sv-thread", state, threadName(owners[at]));
    if (row < 0) { make("span", "sv-thread", state, "other threads ran"); return; }
    const { number } = rows[row];
    listings.forEach((listing, i) => { listing.hidden = i !== number; });
    mark(lines[row], "sv-now");
    const { name, line } = functions[number];
    root.dispatchEvent(new CustomEvent("step", { bubbles: true, detail: { name, line: rows[row].line - line + 1 } }));
    reveal(lines[row]);
    const changed = new Set(changes.filter((_, i) => i % 2 === 0));
    for (const [variable, value] of known.get(owners[at] + ":" + number)) {
      const chip = make("span", changed.has(variable) ? "sv-changed" : "", state, `${variables[variable][0]} = ${long(value)}`);
      chip.title = variables[variable][2];
    }
  }
  function threadName(number) {
    const size = recording.block.reduce((a, b) => a * b, 1);
    return `thread ${number % size}` + (recording.grid.some(extent => extent > 1) ? ` of block ${Math.floor(number / size)}` : "");
  }
  function reveal(line) {                               // scrolls the code, never the page
    const top = line.offsetTop - code.offsetTop, height = line.offsetHeight;
    if (top < code.scrollTop || top + height > code.scrollTop + code.clientHeight) code.scrollTop = top - code.clientHeight / 3;
  }
  function seek(row, direction) {                       // the next step, or the one before, on a row
    for (let step = at + direction; step >= 0 && step < steps.length; step += direction) {
      if (steps[step][0] === row) { show(step); return true; }
    }
    return false;
  }
  // How far each line is indented, and the extent of the innermost loop around it: [first row inside, first row behind].
  const indent = rows.map(row => row.text.search(/\S/));
  const inside = (row, other) => rows[row].number === rows[other].number;
  function loop(row) {
    for (let head = row, least = indent[row] + 1; head >= 0 && inside(row, head); head--) {
      if (indent[head] < 0 || indent[head] >= least) continue;
      least = indent[head];
      if (!/^\s*(for|while)\b/.test(rows[head].text)) continue;
      let end = head + 1;
      while (end < rows.length && inside(row, end) && (indent[end] < 0 || indent[end] > least)) end++;
      return [head, end];
    }
    return null;
  }
  function leave() {                                    // to the first step behind the loop: of this thread, in this function
    const row = steps[at][0], around = row >= 0 && loop(row);
    if (!around) return;
    for (let step = at + 1; step < steps.length; step++) {
      const next = steps[step][0];
      if (next < 0 || owners[step] !== owners[at] || !inside(row, next)) continue;
      if (next < around[0] || next >= around[1] || heads[rows[next].number] === next) { show(step); return; }
    }
    show(steps.length - 1);
  }
  let timer = null;
  function toggle() {
    if (timer === null && at === steps.length - 1) show(0);
    timer = timer === null ? setInterval(() => at < steps.length - 1 ? show(at + 1) : toggle(), 250) : clearInterval(timer) ?? null;
    playing.textContent = timer === null ? "▶" : "‖";
  }
  const KEYS = {
    ArrowRight: () => show(at + 1), ArrowLeft: () => show(at - 1), Home: () => show(0), End: () => show(steps.length - 1),
    PageDown: () => show(at + 20), PageUp: () => show(at - 20), " ": toggle,
    ArrowDown: () => seek(steps[at][0], +1), ArrowUp: () => seek(steps[at][0], -1), o: leave,
  };
  root.addEventListener("keydown", event => {
    if (!KEYS[event.key] || event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key === " " && event.target.tagName === "BUTTON") return;
    KEYS[event.key]();
    event.preventDefault();
  });
  show(0);
  return { show, get at() { return at; }, get cells() { return cells; } };
}
