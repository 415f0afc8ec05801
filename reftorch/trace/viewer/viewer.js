// Steps through a recording of reftorch.trace: stepViewer(element, recording). The format is described in reftorch/trace/__init__.py.
// A page may give `formula`, an element that shows what the kernel computes, and `symbols`, the variables marked there by data-sym.
"use strict";

function stepViewer(root, recording, { formula = null, symbols = [] } = {}) {
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
  let chosen = steps.map((_, i) => i);                  // the steps that are walked through: all, or those of one thread

  // State after step `at`: the numbers of all cells, and the variables of each thread's functions.
  let at = -1, cells = initial.slice(), known = new Map();
  let before = { cells: new Map(), variables: new Map() };  // what step `at` found: cells that it wrote, and its variables
  function apply(step) {
    const [row, changes = [], , writes = []] = steps[step];
    before = { cells: new Map(), variables: new Map() };
    for (let i = 0; i < writes.length; i += 2) { before.cells.set(writes[i], cells[writes[i]]); cells[writes[i]] = writes[i + 1]; }
    if (row < 0) return;
    const key = owners[step] + ":" + rows[row].number;
    if (heads[rows[row].number] === row || !known.has(key)) known.set(key, new Map());  // a call begins anew
    before.variables = new Map(known.get(key));
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
  button("«", "First step (Home)", () => move(0));
  button("‹", "Step back (left arrow)", () => move(place() - 1));
  const playing = button("▶", "Play (space)", () => toggle());
  button("›", "Step (right arrow)", () => move(place() + 1));
  button("⤴", "Step out of the loop (o)", () => leave());
  button("»", "Last step (End)", () => move(chosen.length - 1));
  const slider = make("input", "sv-slider", bar);
  Object.assign(slider, { type: "range", min: 0, value: 0, oninput: () => move(+slider.value) });
  slider.setAttribute("aria-label", "Step");
  const speed = make("select", "sv-speed", bar);
  speed.append(new Option("slow", 1000), new Option("normal", 250), new Option("fast", 60));
  speed.setAttribute("aria-label", "Speed of playing");
  speed.value = 250;
  speed.onchange = () => { if (timer !== null) { toggle(); toggle(); } };
  const count = make("output", "sv-count", bar);
  const threads = threadBar();
  const terms = make("div", "sv-terms", root);          // the formula, and the line with the numbers of the moment
  if (formula) { formula.classList.add("sv-formula"); terms.append(formula); }
  const line = make("div", "sv-line-terms", terms), where = make("code", "sv-where", line), numbers = make("code", "sv-numbers", line);
  const state = make("div", "sv-state", root);
  const fixed = make("div", "sv-fixed", state), moving = make("div", "sv-moving", state);  // what stays the same, and what changes
  const said = make("p", "sv-said", root);              // each step in a sentence, for those who do not see it
  said.setAttribute("role", "status");
  const panes = make("div", "sv-panes", root);
  const code = make("div", "sv-code", panes), tables = make("div", "sv-arrays", panes);
  for (const [pane, title] of [[code, "Code"], [tables, "Arrays"]]) {  // they scroll, so the keyboard must reach them
    pane.tabIndex = 0;
    pane.setAttribute("role", "region");
    pane.setAttribute("aria-label", title);
  }
  const help = make("details", "sv-help", root);
  make("summary", "", help, "Keys and colours");
  make("p", "", help, "← → step · ↑ ↓ the same line, before and after · o leaves the loop · space plays · click a line to run to it. "
    + "The marked line reads the blue cells with a thick frame, and writes the orange cells. The cell with the dotted orange frame is "
    + "written next, and computed from the cells with a thin blue frame. A dot is a cell that has not been written yet.");

  // --------------------------------------------------------------------------------------------------------------------- code
  const WORDS = new Set(("def for in if elif else while return and or not is None True False break continue pass import from with as "
    + "lambda").split(" "));
  const marked = new Set(symbols);
  function highlight(node, text) {
    const mark = /^\s*@/.test(text);
    for (const { kind, text: part } of stepTerms.tokens(text)) {
      const css = mark ? "mark" : WORDS.has(part) ? "word" : ["comment", "string", "number"].includes(kind) ? kind : "";
      if (kind === "name" && marked.has(part)) make("span", "", node, part).dataset.sym = part;
      else if (css) make("span", `sv-${css}`, node, part);
      else node.append(part);
    }
    if (!text) node.append(" ");
  }
  const listings = functions.map((f, number) => {
    const listing = make("div", "sv-listing", code);
    make("div", "sv-file", listing, `${f.file} · ${f.name}`);
    listing.hidden = true;
    return listing;
  });
  const lines = rows.map((row, index) => {
    const line = make("div", "sv-line", listings[row.number]), indented = row.text.search(/\S|$/);
    line.setAttribute("style", `--i: ${indented}`);     // a long line goes on below, further in than it begins
    make("span", "sv-lineno", line, row.line);
    const text = make("code", "", line);
    if (indented) make("i", "", text, row.text.slice(0, indented));
    highlight(text, row.text.slice(indented));
    line.onclick = () => seek(index, +1) || seek(index, -1);
    return line;
  });

  // ------------------------------------------------------------------------------------------------------------------- arrays
  const boxes = [];                                     // the table cell of each array cell
  const homes = arrays.flatMap((array, number) => array.data.map(() => number));  // the array of each cell
  const known_as = new Map();                           // by name: the array, its figure, the number of its first cell
  for (const array of arrays) {
    const figure = make("figure", "sv-array", tables), shape = array.shape, first = boxes.length;
    for (const name of array.name.split(" = ")) known_as.set(name, { array, figure, first });
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
  let now = [], timer = null;
  function show(step) {
    play(Math.max(0, Math.min(steps.length - 1, step)));
    const [row, changes = [], reads = [], writes = []] = steps[at];
    slider.value = place();
    count.textContent = `${place() + 1} / ${chosen.length}`;
    for (const node of now) node.classList.remove("sv-now", "sv-read", "sv-written", "sv-window", "sv-work");
    now = [];
    const mark = (node, name) => { node.classList.add(name); now.push(node); };
    boxes.forEach((box, i) => {
      const text = short(cells[i]);
      if (box.textContent !== text) box.textContent = text;
      box.title = `${box.dataset.name} = ${long(cells[i])}`;
    });
    const { work, window } = inWork(at);
    for (const cell of window) mark(boxes[cell], "sv-window");
    for (const cell of work) mark(boxes[cell], "sv-work");
    for (const cell of reads) mark(boxes[cell], "sv-read");
    for (let i = 0; i < writes.length; i += 2) mark(boxes[writes[i]], "sv-written");
    for (const cell of [[...window][0], work[0], reads[0], writes[0]]) bring(boxes[cell]);
    fixed.replaceChildren();
    moving.replaceChildren();
    threads.show(row < 0 ? null : owners[at]);
    if (recording.device === "cuda" && row >= 0) make("span", "sv-thread", moving, threadName(owners[at]));
    if (row < 0) make("span", "sv-thread", moving, "other threads ran");
    if (row >= 0) {
      const { number } = rows[row];
      listings.forEach((listing, i) => { listing.hidden = i !== number; });
      mark(lines[row], "sv-now");
      reveal(lines[row]);
      const changed = new Set(changes.filter((_, i) => i % 2 === 0));
      for (const [variable, value] of known.get(owners[at] + ":" + number)) {
        const chip = make("span", changed.has(variable) ? "sv-changed" : "", constant.has(variable) ? fixed : moving, `${variables[variable][0]} = ${long(value)}`);
        chip.title = variables[variable][2];
        if (marked.has(variables[variable][0])) chip.dataset.sym = variables[variable][0];
      }
    }
    explain(row);
    light(lit);
    if (timer === null) said.textContent = sentence();
    if (row < 0) return;
    const { name, line } = functions[rows[row].number];
    root.dispatchEvent(new CustomEvent("step", { bubbles: true, detail: { name, line: rows[row].line - line + 1 } }));
  }

  // ------------------------------------------------------------------------------------------------- what is in work at a step
  const nextWrite = [];                                 // of each step: the step at which its thread writes next, or undefined
  for (let step = steps.length - 1, next = new Map(); step >= 0; step--) {
    if (steps[step][0] >= 0 && steps[step][3]?.length) next.set(owners[step], step);
    nextWrite[step] = next.get(owners[step]);
  }
  // The cells that are written next, and those that are read for them: since the same array was written before.
  function inWork(step) {
    const last = nextWrite[step];
    if (last === undefined) return { work: [], window: new Set() };
    const work = steps[last][3].filter((_, i) => i % 2 === 0), window = new Set();
    for (let i = last; i >= 0; i--) {
      if (owners[i] !== owners[last] || steps[i][0] < 0) continue;
      if (i < last && steps[i][3]?.some((cell, k) => k % 2 === 0 && homes[cell] === homes[work[0]])) break;
      for (const cell of steps[i][2] ?? []) window.add(cell);
    }
    return { work, window };
  }
  // Variables with one value in the whole recording, but for those that count a loop.
  const constant = new Set(variables.keys());
  {
    const met = new Map(), counters = new Set(rows.flatMap(({ text }) => /^\s*for\s+(.+?)\s+in\b/.exec(text)?.[1].split(/\W+/) ?? []));
    for (const [, changes = []] of steps) {
      for (let i = 0; i < changes.length; i += 2) {
        const [variable, value] = [changes[i], JSON.stringify(changes[i + 1])];
        if ((met.get(variable) ?? value) !== value || counters.has(variables[variable][0])) constant.delete(variable);
        met.set(variable, value);
      }
    }
  }
  function sentence() {                                 // what step `at` did
    const [row, changes = [], reads = [], writes = []] = steps[at];
    if (row < 0) return "Other threads ran.";
    const several = all => all.length > 4 ? `${all.slice(0, 4).join(", ")} and ${all.length - 4} more` : all.join(", ");
    const pairs = list => list.filter((_, i) => i % 2 === 0).map((first, i) => [first, list[2 * i + 1]]);
    const parts = [`Line ${rows[row].line}: ${rows[row].text.trim()}.`];
    const old = cell => before.cells.has(cell) ? before.cells.get(cell) : cells[cell];
    if (reads.length) parts.push(`Reads ${several(reads.map(cell => `${boxes[cell].dataset.name} = ${long(old(cell))}`))}.`);
    const set = pairs(changes).map(([variable, value]) => `${variables[variable][0]} = ${long(value)}`);
    if (set.length) parts.push(`Sets ${several(set)}.`);
    if (writes.length) parts.push(`Writes ${several(pairs(writes).map(([cell, value]) => `${boxes[cell].dataset.name} = ${long(value)}`))}.`);
    return parts.join(" ");
  }

  // ------------------------------------------------------------------------------------------------------- what a line computes
  function scalars(values, number) {                    // name -> value, of the variables of a function
    const found = new Map([...values].map(([variable, value]) => [variables[variable][0], value]));
    return name => found.get(name);
  }
  function arrayOf(scalar) {                            // name -> name of the array that it stands for
    return name => {
      const value = scalar(name), other = typeof value === "string" ? value.replace(/ \[[\d, ]*\]$/, "") : name;
      return known_as.has(other) ? other : undefined;
    };
  }
  function cell(element, scalar) {                      // the number of the cell that an element is, or undefined
    const { array, first } = known_as.get(element.name);
    const indices = element.indices.map(part => stepTerms.value(part, scalar));
    if (indices.length !== array.shape.length || indices.some((index, d) => !(index >= 0 && index < array.shape[d]))) return undefined;
    return first + indices.reduce((flat, index, d) => flat * array.shape[d] + index, 0);
  }
  function statement(row) {                             // a line, and those that it goes on in
    let text = rows[row].text, end = row + 1;
    const open = () => (text.match(/[([{]/g) || []).length > (text.match(/[)\]}]/g) || []).length;
    while (open() && end < rows.length && inside(row, end)) text += " " + rows[end++].text.trim();
    return { list: stepTerms.tokens(text.trim()).filter(token => token.kind !== "comment"), end };
  }

  // Above the code: the elements of the line with the values of their indices, and the line with numbers in place of names.
  function explain(row) {
    where.replaceChildren();
    numbers.textContent = "";
    if (formula) for (const place of formula.querySelectorAll(".sv-here")) place.classList.remove("sv-here");
    if (row < 0 || heads[rows[row].number] === row) return;
    const { list, end } = statement(row);
    const old = scalars(before.variables);
    const elements = stepTerms.elements(list, old, arrayOf(old));
    const said = list.filter((token, i) => token.kind === "name" && list[i + 1]?.text !== ".").map(token => token.text);
    const names = new Set([...said, ...elements.map(element => element.name)]), shown = new Set();
    if (formula) {
      for (const place of formula.querySelectorAll("[data-sym]")) place.classList.toggle("sv-here", names.has(place.dataset.sym));
    }
    for (const element of elements) {
      const text = stepTerms.written(list.slice(element.from, element.to));
      if (shown.has(text)) continue;
      if (shown.size) where.append("  ");
      shown.add(text);
      where.append(`${element.name}[`);
      element.indices.forEach((index, d) => {
        const text = stepTerms.written(index), value = stepTerms.value(index, old);
        const symbol = make("span", "", where, (d ? ", " : "") + text);
        if (marked.has(text)) symbol.dataset.sym = text;
        if (value !== undefined && text !== String(value)) make("b", "", where, `=${value}`);
      });
      where.append("]");
    }
    const next = following(), touched = steps[at][1] ?? [];
    numbers.textContent = stepTerms.computed(list, elements, {
      old, now: scalars(known.get(owners[at] + ":" + rows[row].number)),
      before: element => {
        const found = cell(element, old);
        return before.cells.has(found) ? before.cells.get(found) : cells[found];
      },
      after: element => cells[cell(element, old)],
      moved: name => touched.some((variable, i) => i % 2 === 0 && variables[variable][0] === name),
      taken: next === null ? null : inside(row, next) && next === end,
      write: value => typeof value === "number" ? short(value) : long(value),
    });
  }

  function following() {                                // the row of the next step of this thread
    for (let step = at + 1; step < steps.length; step++) if (steps[step][0] >= 0 && owners[step] === owners[at]) return steps[step][0];
    return null;
  }

  // -------------------------------------------------------------------------------------- the cells that a symbol addresses
  let lit = [], framed = [];
  function light(names) {                               // an array's name: all of it; an index: the cells where it has its value
    lit = names;
    for (const node of framed) node.classList.remove("sv-lit");
    framed = [];
    const frame = node => { node.classList.add("sv-lit"); framed.push(node); };
    const row = at < 0 ? -1 : steps[at][0];
    if (row < 0 || !names.length) return;
    const scalar = scalars(known.get(owners[at] + ":" + rows[row].number)), array = arrayOf(scalar);
    for (const name of names) if (array(name) !== undefined) frame(known_as.get(array(name)).figure);
    for (const { list } of rows.map((other, i) => inside(row, i) ? statement(i) : { list: [] })) {
      for (const element of stepTerms.elements(list, scalar, array)) {
        const { array: { shape, data }, first } = known_as.get(element.name);
        element.indices.forEach((index, d) => {
          const text = stepTerms.written(index), value = scalar(text);
          if (!names.includes(text) || typeof value !== "number" || element.indices.length !== shape.length) return;
          const after = shape.slice(d + 1).reduce((a, b) => a * b, 1);
          for (let flat = 0; flat < data.length; flat++) {
            if (Math.floor(flat / after) % shape[d] === value) frame(boxes[first + flat]);
          }
        });
      }
    }
  }

  // -------------------------------------------------------------------------------------------------------------------- threads
  // For CUDA: a choice of one thread, and the threads of the block of which one is running.
  function threadBar() {
    if (recording.device !== "cuda") return { show: () => {} };
    const ran = [...new Set(owners.filter((_, i) => steps[i][0] >= 0))], line = make("div", "sv-threads", root);
    const label = make("label", "", line, "Thread "), select = make("select", "", label);
    select.append(new Option(`all ${ran.length}`, ""), ...ran.map(number => new Option(threadName(number), number)));
    const strip = make("span", "sv-strip", line);
    strip.setAttribute("aria-hidden", "true");
    const dots = new Map(ran.map(number => [number, make("i", "", strip, number)]));
    for (const [number, dot] of dots) dot.onclick = () => { select.value = number; select.onchange(); };
    select.onchange = () => choose(select.value === "" ? null : +select.value);
    return { show: running => dots.forEach((dot, number) => dot.classList.toggle("sv-running", number === running)) };
  }
  function threadName(number) {
    const size = recording.block.reduce((a, b) => a * b, 1);
    return `thread ${number % size}` + (recording.grid.some(extent => extent > 1) ? ` of block ${Math.floor(number / size)}` : "");
  }
  function choose(thread) {                             // null: all of them
    chosen = steps.map((_, i) => i).filter(i => thread === null || (owners[i] === thread && steps[i][0] >= 0));
    slider.max = chosen.length - 1;
    show(at < 0 ? start() : chosen.find(step => step >= at) ?? chosen.at(-1));
  }
  function start() {                                    // where it becomes interesting: the first cell that is read or written in a loop
    const first = steps.findIndex(([row, , reads = [], writes = []]) => row >= 0 && reads.length + writes.length && loop(row));
    return Math.max(0, first);
  }
  function place() {                                    // where step `at` is among the chosen ones
    const found = chosen.findIndex(step => step >= at);
    return found < 0 ? chosen.length - 1 : found;
  }
  const move = to => show(chosen[Math.max(0, Math.min(chosen.length - 1, to))]);
  function reveal(line) {                               // scrolls the code, never the page
    const top = line.offsetTop - code.offsetTop, height = line.offsetHeight;
    const narrow = code.clientWidth < 480, hidden = top < code.scrollTop || top + height > code.scrollTop + code.clientHeight;
    if (hidden || narrow) code.scrollTop = Math.max(top - code.clientHeight / 3, top + height + 4 - code.clientHeight);
  }
  function bring(box) {                                 // scrolls the arrays, and never the page, until the cell is in view
    if (!box || !(tables.scrollHeight > tables.clientHeight || tables.scrollWidth > tables.clientWidth)) return;
    const cell = box.getBoundingClientRect(), pane = tables.getBoundingClientRect();
    tables.scrollTop += Math.max(0, cell.bottom + 4 - pane.bottom) + Math.min(0, cell.top - 24 - pane.top);
    tables.scrollLeft += Math.max(0, cell.right + 4 - pane.right) + Math.min(0, cell.left - 4 - pane.left);
  }
  function seek(row, direction) {                       // the next step, or the one before, on a row
    for (let i = place() + direction; i >= 0 && i < chosen.length; i += direction) {
      if (steps[chosen[i]][0] === row) { show(chosen[i]); return true; }
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
    move(chosen.length - 1);
  }
  function toggle() {
    const last = () => place() === chosen.length - 1;
    if (timer === null && last()) move(0);
    timer = timer === null ? setInterval(() => last() ? toggle() : move(place() + 1), +speed.value) : clearInterval(timer) ?? null;
    playing.textContent = timer === null ? "▶" : "‖";
    if (timer === null) said.textContent = sentence();
  }
  const KEYS = {
    ArrowRight: () => move(place() + 1), ArrowLeft: () => move(place() - 1), Home: () => move(0), End: () => move(chosen.length - 1),
    PageDown: () => move(place() + 20), PageUp: () => move(place() - 20), " ": toggle,
    ArrowDown: () => seek(steps[at][0], +1), ArrowUp: () => seek(steps[at][0], -1), o: leave,
  };
  root.addEventListener("keydown", event => {
    if (!KEYS[event.key] || event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.target.tagName === "SELECT" || (event.key === " " && event.target.tagName === "BUTTON")) return;
    KEYS[event.key]();
    event.preventDefault();
  });
  choose(null);
  new ResizeObserver(() => show(at)).observe(tables);     // what is shown stays in view when a phone is turned
  return { show, light, choose, element: root, get at() { return at; }, get cells() { return cells; } };
}
