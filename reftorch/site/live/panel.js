// The panel of a live example: numbers, options and the text of a kernel to be edited, and what comes out. For docs/assets/live.js.
"use strict";

// `place` is the page's step viewer: place.show(recording) shows another run, place.steps is what it shows.
function livePanel(root, place) {
  const make = (tag, name, parent, text) => {
    const node = document.createElement(tag);
    if (name) node.className = name;
    if (text !== undefined) node.textContent = text;
    if (parent) parent.append(node);
    return node;
  };
  const section = make("section", "lv", root);
  section.setAttribute("aria-label", "Live example");
  const left = make("div", "lv-left", section), right = make("div", "lv-right", section);
  const editor = make("div", "lv-editor", left), gutter = make("pre", "lv-gutter", editor), text = make("textarea", "lv-text", editor);
  gutter.setAttribute("aria-hidden", "true");
  Object.assign(text, { spellcheck: false, wrap: "off", autocapitalize: "off", autocomplete: "off" });
  text.setAttribute("aria-label", "The kernel, to be edited");
  const says = make("div", "lv-says", left), error = make("p", "lv-error", says), mistake = make("p", "lv-mistake", says), news = make("p", "lv-news", says);
  says.setAttribute("role", "status");
  const bar = make("div", "lv-bar", left);
  const button = (name, action) => Object.assign(make("button", "", bar, name), { type: "button", onclick: action });
  button("Reset", () => reset());
  const link = button("Copy a link to this", () => share());
  const options = make("div", "lv-options", right), inputs = make("div", "lv-arrays", right), results = make("div", "lv-arrays lv-out", right);

  let example, original, edited;                        // the example, its own run, its arguments as edited
  const kept = new Map();                               // edits by kernel
  const written = functions => functions.map(one => one.source.join("\n")).join("\n\n\n") + "\n";
  const names = () => kernelSyntax.parse(written(example.functions))[0].parameters;

  function choose(given, edits) {
    example = given;
    original = kernelRun(example);
    if (edits) kept.set(example.kernel, edits);
    begin(kept.get(example.kernel) ?? {});
  }
  function begin(edits) {
    edited = structuredClone({ arrays: example.arrays, arguments: example.arguments });
    names().forEach((name, i) => {
      if (edits.options && name in edits.options && edited.arguments[i].value) edited.arguments[i].value[1] = edits.options[name];
    });
    resize();
    for (const array of edited.arrays) {
      const data = edits.arrays?.[array.name];
      if (Array.isArray(data) && data.length === array.data.length) array.data = data;
    }
    text.value = edits.code ?? written(example.functions);
    text.rows = Math.min(30, text.value.split("\n").length);
    showOptions();
    showInputs();
    run(true);
  }
  function reset() {
    kept.delete(example.kernel);
    if (location.hash.startsWith("#live=")) history.replaceState(null, "", location.pathname + location.search);
    begin({});
  }

  // ----------------------------------------------------------------------------------------------------------------- arguments
  const option = name => { const i = names().indexOf(name); return i < 0 ? undefined : edited.arguments[i].value?.[1]; };
  const array = name => edited.arrays.find(one => one.name.split(" = ").includes(name));
  const product = shape => shape.reduce((a, b) => a * b, 1);

  // The arrays whose extents follow from the options get them, unless it says why they cannot. Elements keep their places, new ones are 1.
  function resize() {
    if (!example.sizes) return "";
    const { axes, image, window, arrays } = example.sizes, count = axes.length;
    const extents = axes.map((axis, i) => {
      const extent = option(`K${axis}`) ?? array(window).shape.at(i - count);
      const room = array(image).shape.at(i - count) + 2 * (option(`pad${axis}`) ?? 0) - (option(`dil${axis}`) ?? 1) * (extent - 1) - 1;
      return room < 0 ? 0 : Math.floor(room / option(`stride${axis}`)) + 1;
    });
    for (const [i, axis] of axes.entries()) {
      if (!(option(`stride${axis}`) > 0)) return `stride${axis} should be at least 1`;
      if (option(`pad${axis}`) < 0) return `pad${axis} should be at least 0`;
      if (option(`dil${axis}`) < 1) return `dil${axis} should be at least 1`;
      if (option(`K${axis}`) < 1) return `K${axis} should be at least 1`;
      if (extents[i] < 1) return `no window fits into ${image}`;
    }
    if (product(extents) > 400) return `that would make ${extents.join(" × ")} outputs for each channel, and up to 400 are shown here`;
    for (const one of arrays.map(array)) {
      const before = one.shape, shape = [...before.slice(0, -count), ...extents], data = [];
      for (let flat = 0; flat < product(shape); flat++) {
        let rest = flat, old = 0, inside = true;
        const index = shape.map((_, d) => { const after = product(shape.slice(d + 1)), at = Math.floor(rest / after); rest %= after; return at; });
        index.forEach((at, d) => { inside &&= at < before[d]; old = old * before[d] + at; });
        data.push(inside ? one.data[old] : 1);
      }
      Object.assign(one, { shape, data });
    }
    return "";
  }
  function read(input, whole, name) {                   // undefined if it is no number
    const said = input.value.trim(), special = { nan: "nan", inf: "inf", "-inf": "-inf" }[said.toLowerCase()];
    const value = special && !whole ? special : said === "" ? NaN : Number(said);
    const right = special ? !whole : Number.isFinite(value) && (!whole || Number.isSafeInteger(value));
    input.setAttribute("aria-invalid", String(!right));
    if (!right) say(`${name} should be ${whole ? "a whole number" : "a number, inf, -inf or nan"}; found ${said ? `"${said}"` : "nothing"}. The last number stays.`);
    return right ? value : undefined;
  }
  function truth(input, name) {
    const value = { true: true, false: false }[input.value.trim().toLowerCase()];
    input.setAttribute("aria-invalid", String(value === undefined));
    if (value === undefined) say(`${name} should be true or false; found "${input.value.trim()}". The last value stays.`);
    return value;
  }
  function showOptions() {
    options.replaceChildren();
    names().forEach((name, i) => {
      const { value } = edited.arguments[i];
      if (!value || !["int", "float", "bool", "float32", "float64", "int64"].includes(value[0])) return;
      const label = make("label", "", options, `${name} `), input = make("input", "", label);
      if (value[0] === "bool") {
        Object.assign(input, { type: "checkbox", checked: value[1] });
        input.onchange = () => { value[1] = input.checked; change(); };
        return;
      }
      const whole = value[0].startsWith("int");
      Object.assign(input, { type: "text", inputMode: whole ? "numeric" : "decimal", value: value[1], size: Math.max(3, String(value[1]).length) });
      if (whole) Object.assign(input, { type: "number", step: 1 });
      input.oninput = () => {
        const number = read(input, whole, name), last = value[1];
        if (number === undefined) return;
        value[1] = number;
        const before = JSON.stringify(edited.arrays.map(one => one.shape)), wrong = resize();
        if (wrong) {
          value[1] = last;
          input.setAttribute("aria-invalid", "true");
          say(`${name} = ${number}: ${wrong}. The last number stays.`);
          return;
        }
        if (JSON.stringify(edited.arrays.map(one => one.shape)) !== before) showInputs();
        change();
      };
    });
  }
  function grid(parent, { name, shape, dtype }, fill) {
    const figure = make("figure", "lv-array", parent), caption = make("figcaption", "", figure, name);
    make("small", "", caption, ` (${shape.join(", ")}${shape.length === 1 ? "," : ""}) ${dtype}`);
    const width = shape.length ? shape.at(-1) : 1, height = shape.length > 1 ? shape.at(-2) : 1, count = product(shape);
    const sheets = make("div", "lv-sheets", figure);
    for (let flat = 0; flat < count;) {
      const table = make("table", "", sheets);
      for (let r = 0; r < height; r++) {
        const row = make("tr", "", table);
        for (let c = 0; c < width; c++, flat++) {
          let rest = flat;
          const index = shape.map((_, d) => { const after = product(shape.slice(d + 1)), at = Math.floor(rest / after); rest %= after; return at; });
          fill(make("td", "", row), flat, `${name}[${index.join(", ")}]`);
        }
      }
    }
  }
  const isOutput = i => original.recording.arrays[i].data.some(value => value === null);
  function showInputs() {
    inputs.replaceChildren();
    edited.arrays.forEach((one, i) => {
      if (isOutput(i) || !one.data.length) return;
      grid(inputs, one, (cell, flat, name) => {
        const input = make("input", "", cell), whole = !one.dtype.startsWith("float");
        Object.assign(input, { value: one.data[flat], inputMode: "decimal" });
        input.setAttribute("aria-label", name);
        input.oninput = () => {
          const value = one.dtype === "bool" ? truth(input, name) : read(input, whole, name);
          if (value !== undefined) { one.data[flat] = value; change(); }
        };
      });
    });
  }
  const short = value => typeof value !== "number" ? String(value) : Number.isInteger(value) && Math.abs(value) < 1e7 ? String(value) : String(+value.toPrecision(4));
  function showResults({ arrays, blank }) {
    results.replaceChildren();
    let different = 0, all = 0;
    const shapes = [];
    arrays.forEach((one, i) => {
      const touched = original.arrays[i].data.some((value, k) => value !== original.arrays[i].before[k]);
      if (!isOutput(i) && !touched) return;
      const alike = String(one.shape) === String(original.arrays[i].shape);
      if (!alike) shapes.push(`${one.name} has the shape (${one.shape.join(", ")}) now.`);
      grid(results, one, (cell, flat, name) => {
        const value = one.data[flat], before = original.arrays[i].data[flat];
        all++;
        if (isOutput(i) && blank(one, flat)) { cell.textContent = "·"; cell.title = `${name}: not written yet`; different++; return; }
        cell.textContent = short(value);
        cell.title = `${name} = ${value}`;
        if (alike && Object.is(value, before)) return;
        different++;
        cell.classList.add("lv-changed");
        if (alike) cell.title += `, was ${before}`;
      });
    });
    return shapes.length ? shapes.join(" ") : different ? `${different} of ${all} elements of the result have changed.` : "";
  }

  // ----------------------------------------------------------------------------------------------------------------------- running
  let waiting = null;
  function change() {
    kept.set(example.kernel, edits());
    clearTimeout(waiting);
    waiting = setTimeout(() => run(false), 120);
  }
  function say(message) { error.textContent = message; }
  function functions() {                                // the functions of the text, each with its lines
    const lines = text.value.split("\n"), found = kernelSyntax.parse(text.value);
    return found.map((one, i) => {
      let end = (found[i + 1]?.first ?? lines.length + 1) - 1;
      while (end > one.first && !lines[end - 1].trim()) end--;
      return { name: one.name, file: "as edited", line: one.first, source: lines.slice(one.first - 1, end), tree: one };
    });
  }
  function run(fresh) {
    const changed = text.value !== written(example.functions), same = JSON.stringify(edited) === JSON.stringify({ arrays: example.arrays, arguments: example.arguments });
    numberLines(0);
    say("");
    mistake.textContent = "";
    let result;
    try {
      const found = changed ? functions() : example.functions;
      if (!found.some(one => one.name === example.kernel)) throw new PythonError("NameError", `name '${example.kernel}' is not defined: the kernel keeps its name`, 1);
      result = kernelRun({ ...example, ...structuredClone(edited), functions: found.map(({ name, file, line, source }) => ({ name, file, line, source })) });
      if (changed) explain(found);
    } catch (caught) {
      if (!(caught instanceof PythonError)) throw caught;
      fail(caught);
      news.textContent = "The result is still that of the last run.";
      return;
    }
    const differs = showResults(result);
    news.textContent = result.error ? "" : differs;
    if (result.error) fail(result.error, changed);
    if (!result.recording.steps.length) return;
    const at = place.steps.at;
    if (fresh && !changed && same) place.show(); else place.show(result.recording);
    if (result.error) place.steps.show(Infinity); else if (!fresh) place.steps.show(at);
    place.steps.element.classList.toggle("sv-failed", Boolean(result.error));
  }
  function fail({ type, message, line }, changed = true) {
    const offset = changed ? 0 : example.functions[0].line - 1;  // the lines of the file, as long as nobody has edited them
    say(`Line ${line - offset}: ${type === "Stopped" ? "" : `${type}: `}${message}`);
    numberLines(line - offset);
  }
  function numberLines(wrong) {
    const count = text.value.split("\n").length;
    gutter.replaceChildren(...Array.from({ length: count }, (_, i) => {
      const number = make("span", i + 1 === wrong ? "lv-wrong" : "", null, `${i + 1}\n`);
      return number;
    }));
    text.setAttribute("aria-invalid", String(Boolean(wrong)));
  }
  // One of the known mistakes, if the text has become that.
  function explain(found) {
    for (const { kernel, find, replace, name, says: reason } of example.mistakes) {
      const source = example.functions.find(one => one.name === kernel).source.join("\n").replace(find, () => replace);
      const wanted = kernelSyntax.normalized(kernelSyntax.parse(source)[0]);
      const others = found.every(one => one.name === kernel || kernelSyntax.normalized(one.tree) === kernelSyntax.normalized(kernelSyntax.parse(example.functions.find(other => other.name === one.name)?.source.join("\n") ?? "def none(): pass")[0]));
      if (others && kernelSyntax.normalized(found.find(one => one.name === kernel).tree) === wanted) {
        mistake.replaceChildren(make("strong", "", null, `A known mistake, ${name}: `), `${reason}.`);
        return;
      }
    }
  }

  // ----------------------------------------------------------------------------------------------------------------------- the link
  function edits() {
    const given = { kernel: example.kernel, options: {}, arrays: {} };
    if (text.value !== written(example.functions)) given.code = text.value;
    names().forEach((name, i) => {
      const value = edited.arguments[i].value?.[1];
      if (value !== undefined && value !== example.arguments[i].value[1]) given.options[name] = value;
    });
    edited.arrays.forEach((one, i) => {
      if (!isOutput(i) && JSON.stringify(one) !== JSON.stringify(example.arrays[i])) given.arrays[one.name] = one.data;
    });
    return given;
  }
  async function share() {
    const bytes = new TextEncoder().encode(JSON.stringify(edits())), code = btoa(String.fromCharCode(...bytes));
    history.replaceState(null, "", `#live=${code.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "")}`);
    try { await navigator.clipboard.writeText(location.href); link.textContent = "Copied"; } catch { link.textContent = "It is in the address bar"; }
    setTimeout(() => { link.textContent = "Copy a link to this"; }, 2000);
  }

  text.addEventListener("input", () => { numberLines(0); change(); });
  text.addEventListener("scroll", () => { gutter.scrollTop = text.scrollTop; });
  text.addEventListener("keydown", event => {           // a new line begins where its block does
    if (event.key !== "Enter" || event.ctrlKey || event.metaKey || event.altKey) return;
    const before = text.value.slice(0, text.selectionStart).split("\n").at(-1);
    const indent = before.match(/^ */)[0] + (/:\s*(#.*)?$/.test(before) ? "    " : "");
    event.preventDefault();
    text.setRangeText(`\n${indent}`, text.selectionStart, text.selectionEnd, "end");
    text.dispatchEvent(new Event("input"));
  });
  return { choose };
}
