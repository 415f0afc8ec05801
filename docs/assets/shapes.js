// The shape calculator: a stack of convolutions and poolings, and the size of each layer's output.
"use strict";
(() => {
  const KINDS = {                                        // which fields a kind of layer has
    Conv: ["out_channels", "kernel_size", "stride", "padding", "dilation", "groups", "bias"],
    ConvTranspose: ["out_channels", "kernel_size", "stride", "padding", "output_padding", "dilation", "groups", "bias"],
    MaxPool: ["kernel_size", "stride", "padding", "dilation", "ceil_mode"],
    AvgPool: ["kernel_size", "stride", "padding", "ceil_mode"],
  };
  const SHORT = { out_channels: "c", kernel_size: "k", stride: "s", padding: "p", output_padding: "o", dilation: "d", groups: "g", bias: "b", ceil_mode: "m" };
  const FIRST = "2d,3x64x64;Conv:c=16,k=7,s=2,p=3;MaxPool:k=3,s=2,p=1;Conv:c=32,k=3,p=1;AvgPool:k=2";
  const fields = kind => KINDS[kind];
  const usual = (kind, field) => ({ out_channels: "8", kernel_size: kind.endsWith("Pool") ? "2" : "3", stride: kind.endsWith("Pool") ? "" : "1", padding: "0",
    output_padding: "0", dilation: "1", groups: "1", bias: true, ceil_mode: false })[field];
  const product = numbers => numbers.reduce((a, b) => a * b, 1);
  const times = numbers => numbers.join(" × ");

  class Wrong extends Error {                            // what is wrong, and in which field
    constructor(field, text) { super(text); this.field = field; }
  }

  // ------------------------------------------------------------------------------------------------------ arithmetic
  function whole(field, text, least) {
    if (!/^\d+$/.test(text.trim()) || +text < least) throw new Wrong(field, `${field} should be a whole number, at least ${least}; found "${text}".`);
    return +text;
  }
  function each(field, text, dims, least) {              // "3" for all dimensions, or "3, 5"
    const parts = text.split(/[,x×]/).map(part => whole(field, part, least));
    if (parts.length !== 1 && parts.length !== dims) throw new Wrong(field, `${field} should be one number, or ${dims} with commas between them; found ${parts.length}.`);
    return parts.length === 1 ? Array(dims).fill(parts[0]) : parts;
  }

  function read(layer, channels, dims) {                 // the fields as numbers, and what cannot be
    const has = field => fields(layer.kind).includes(field);
    const kernel = each("kernel_size", layer.kernel_size, dims, 1), pool = layer.kind.endsWith("Pool");
    const stride = pool && !layer.stride.trim() ? kernel : each("stride", layer.stride, dims, 1);
    const dilation = has("dilation") ? each("dilation", layer.dilation, dims, 1) : Array(dims).fill(1);
    const span = kernel.map((k, i) => dilation[i] * (k - 1) + 1), same = layer.kind === "Conv" && layer.padding.trim() === "same";
    if (same && stride.some(s => s !== 1)) throw new Wrong("padding", "padding \"same\" needs a stride of 1: with a larger stride the output cannot have the size of the input.");
    const before = same ? span.map(n => Math.floor((n - 1) / 2)) : each("padding", layer.padding, dims, 0);
    const after = same ? span.map((n, i) => n - 1 - before[i]) : before;
    const more = has("output_padding") ? each("output_padding", layer.output_padding, dims, 0) : Array(dims).fill(0);
    more.forEach((m, i) => {
      if (m && m >= Math.max(stride[i], dilation[i])) throw new Wrong("output_padding", `output_padding should be smaller than the stride or the dilation; found ${m} with stride ${stride[i]} and dilation ${dilation[i]}.`);
    });
    if (pool) kernel.forEach((k, i) => {
      if (before[i] > Math.floor(k / 2)) throw new Wrong("padding", `padding should be at most half of kernel_size, or a window could lie outside of the input; found ${before[i]} with kernel_size ${k}.`);
    });
    const out = pool ? channels : whole("out_channels", layer.out_channels, 1), groups = pool ? channels : whole("groups", layer.groups, 1);
    if (channels % groups) throw new Wrong("groups", `groups should divide the ${channels} channels of the input; found ${groups}.`);
    if (out % groups) throw new Wrong("groups", `groups should divide out_channels = ${out}; found ${groups}.`);
    return { pool, kernel, stride, dilation, span, before, after, more, out, groups, transposed: layer.kind === "ConvTranspose", inside: layer.kind === "AvgPool" && dims === 3, ceil: Boolean(layer.ceil_mode) };
  }

  function sizes(one, size) {
    if (one.inside) size.forEach((n, i) => {             // PyTorch's rule for volumes alone
      if (n < one.kernel[i]) throw new Wrong("kernel_size", `AvgPool3d needs an input that is at least as large as the window, and padding does not count: the window has ${one.kernel[i]} elements, and the input has ${n}.`);
    });
    return size.map((n, i) => {
      const s = one.stride[i], padded = n + one.before[i] + one.after[i];
      if (one.transposed) {
        const made = (n - 1) * s - one.before[i] - one.after[i] + one.span[i] + one.more[i];
        if (made < 1) throw new Wrong("padding", `Nothing is left: the padding cuts ${one.before[i] + one.after[i]} off ${made + one.before[i] + one.after[i]} elements.`);
        return made;
      }
      const steps = (padded - one.span[i]) / s;
      if (padded < one.span[i] && !(one.ceil && Math.ceil(steps) >= 0)) {
        throw new Wrong("kernel_size", `The window is larger than the input: it spans ${one.span[i]} elements, and the input has ${n}${padded > n ? `, with its padding ${padded}` : ""}.`);
      }
      const rounded = one.ceil ? Math.ceil(steps) : Math.floor(steps);
      const last = one.ceil && rounded * s >= n + one.before[i] ? rounded - 1 : rounded;   // a window that begins behind the input does not count
      if (last < 0) throw new Wrong("kernel_size", "The window is larger than the input.");
      return last + 1;
    });
  }

  // The receptive field of one output in dimension i, from the last layer back to the first, for an input without borders.
  // In a transposed convolution it depends on the index of the output, so several indices are tried, and the largest field counts.
  function reads(stack, i) {
    const places = product(stack.filter(one => one.transposed).map(one => one.stride[i]));
    let largest = 0;
    for (let place = 0; place < Math.min(places, 64); place++) {
      let read = new Set([place]);
      for (let at = stack.length - 1; at >= 0; at--) {
        const one = stack[at], s = one.stride[i], d = one.dilation[i], k = one.kernel[i], before = new Set();
        const ends = !stack.slice(0, at).some(lower => lower.transposed);                  // then the first and the last are enough
        for (const o of read) {
          for (let j = 0; j < k; j += ends && !one.transposed ? Math.max(k - 1, 1) : 1) {
            if (!one.transposed) before.add(o * s - one.before[i] + j * d);
            else if ((o + one.before[i] - j * d) % s === 0) before.add((o + one.before[i] - j * d) / s);
          }
        }
        read = ends && before.size ? new Set([Math.min(...before), Math.max(...before)]) : before;
      }
      if (read.size) largest = Math.max(largest, Math.max(...read) - Math.min(...read) + 1);
    }
    return largest;
  }

  function computed(state) {                             // of each layer: { shape, parameters, products, field } or { error }
    const dims = state.dims, results = [], stack = [];
    let channels, size;
    try {
      channels = whole("channels", state.channels, 1);
      size = each("size", state.size, dims, 1);
    } catch (error) { return { error, results }; }
    for (const layer of state.layers) {
      try {
        const one = read(layer, channels, dims), made = sizes(one, size), window = product(one.kernel);
        const weights = one.pool ? 0 : channels * one.out / one.groups * window;
        const parameters = weights + (!one.pool && layer.bias ? one.out : 0);
        stack.push(one);
        results.push({ shape: [one.out, ...made], parameters, products: weights * product(one.transposed ? size : made), field: made.map((_, i) => reads(stack, i)) });
        [channels, size] = [one.out, made];
      } catch (error) {
        if (!(error instanceof Wrong)) throw error;
        results.push({ error });
        break;
      }
    }
    return { results };
  }

  // ------------------------------------------------------------------------------------------------------ as text
  function written(state) {
    const layers = state.layers.map(layer => `${layer.kind}:` + fields(layer.kind).filter(field => layer[field] !== usual(layer.kind, field) || field === "kernel_size")
      .map(field => `${SHORT[field]}=${typeof layer[field] === "boolean" ? +layer[field] : layer[field].replace(/[,×]\s*/g, "x").trim()}`).join(","));
    return [`${state.dims}d,${state.channels}x${state.size.replace(/[,×]\s*/g, "x")}`, ...layers].join(";");
  }
  function parsed(text) {                                // null: that is no stack
    const [first, ...rest] = text.split(";"), head = /^([123])d,([^x]*)x(.*)$/.exec(first);
    if (!head) return null;
    const layers = rest.map(part => {
      const [kind, given = ""] = part.split(":");
      if (!Object.hasOwn(KINDS, kind)) return null;
      const layer = { kind, ...Object.fromEntries(fields(kind).map(field => [field, usual(kind, field)])) };
      for (const pair of given.split(",").filter(Boolean)) {
        const [short, value = ""] = pair.split("="), field = fields(kind).find(name => SHORT[name] === short);
        if (field) layer[field] = typeof layer[field] === "boolean" ? value === "1" : value.replaceAll("x", ", ");
      }
      return layer;
    });
    return layers.includes(null) ? null : { dims: +head[1], channels: head[2], size: head[3].replaceAll("x", ", "), layers };
  }
  function python(state, results) {                      // what makes these layers
    const value = (field, given) => typeof given === "boolean" ? (given ? "True" : "False") : given === "same" ? '"same"' : /[,x×]/.test(given) ? `(${given.split(/[,x×]\s*/).join(", ")})` : given;
    let channels = state.channels;
    const lines = state.layers.map((layer, i) => {
      const begin = KINDS[layer.kind].includes("out_channels") ? [channels, layer.out_channels] : [];
      const options = fields(layer.kind).filter(field => field !== "out_channels" && (field === "kernel_size" || layer[field] !== usual(layer.kind, field)));
      channels = results[i]?.shape?.[0] ?? channels;
      return `    nn.${layer.kind}${state.dims}d(${[...begin, ...options.map(field => `${field}=${value(field, layer[field])}`)].join(", ")}),`;
    });
    return ["nn.Sequential(", ...lines, ")"].join("\n");
  }

  // ------------------------------------------------------------------------------------------------------ on the page
  const place = document.getElementById("rt-stack");
  let state = parsed(FIRST);
  const make = (tag, given = {}, ...inside) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(given)) { if (name.startsWith("on")) element[name] = value; else element.setAttribute(name, value); }
    element.append(...inside);
    return element;
  };
  function field(id, name, value, keep) {
    const box = typeof value === "boolean", input = make("input", box ? { id, type: "checkbox" } : { id, type: "text", size: "6", autocomplete: "off", "data-field": name });
    if (box) input.checked = value; else input.value = value;
    input.oninput = () => { keep(box ? input.checked : input.value); show(); };
    return make("label", { for: id }, `${name} `, input);
  }
  function choice(id, label, options, value, keep) {
    const select = make("select", { id }, ...options.map(option => new Option(option, option, false, option === value)));
    select.onchange = () => { keep(select.value); build(id); };
    return make("label", { for: id }, `${label} `, select);
  }
  const button = (text, label, act, off = false) => {
    const made = make("button", { type: "button", "aria-label": label, onclick: act }, text);
    made.disabled = off;
    return made;
  };
  function move(i, to) {
    const [layer] = state.layers.splice(i, 1);
    if (to !== null) state.layers.splice(to, 0, layer);
    build(to === null ? "stack-add" : `layer-${to}-kind`);
  }

  function build(focus) {                                // all controls anew; show() fills in what comes out
    const input = make("fieldset", {}, make("legend", {}, "Input"),
      choice("stack-dims", "dimensions", ["1d", "2d", "3d"], `${state.dims}d`, value => { resize(+value[0]); }),
      field("stack-channels", "channels", state.channels, value => { state.channels = value; }),
      field("stack-size", "size", state.size, value => { state.size = value; }), make("p", { class: "rt-stack-error", id: "stack-error" }));
    const layers = state.layers.map((layer, i) => {
      const name = `Layer ${i + 1}`, group = make("fieldset", {}, make("legend", {}, name),
        choice(`layer-${i}-kind`, "kind", Object.keys(KINDS), layer.kind, kind => {
          const kept = fields(kind).map(field => [field, layer[field] === usual(layer.kind, field) ? usual(kind, field) : layer[field] ?? usual(kind, field)]);
          state.layers[i] = { kind, ...Object.fromEntries(kept) };
        }),
        ...fields(layer.kind).map(name => field(`layer-${i}-${name}`, name, layer[name], value => { layer[name] = value; })),
        make("span", { class: "rt-stack-buttons" }, button("↑", `${name}: up`, () => move(i, i - 1), !i),
          button("↓", `${name}: down`, () => move(i, i + 1), i === state.layers.length - 1), button("×", `${name}: remove`, () => move(i, null))),
        make("p", { class: "rt-stack-result" }), make("p", { class: "rt-stack-error", id: `layer-${i}-error` }));
      return make("li", {}, group);
    });
    const add = button("Add a layer", "Add a layer", () => {
      state.layers.push({ kind: "Conv", ...Object.fromEntries(fields("Conv").map(field => [field, usual("Conv", field)])) });
      build(`layer-${state.layers.length - 1}-kind`);
    });
    add.id = "stack-add";
    const reset = button("Reset", "Reset", () => { state = parsed(FIRST); build("stack-reset"); });
    reset.id = "stack-reset";
    place.replaceChildren(input, make("ol", {}, ...layers), make("p", {}, add, " ", reset, " ", make("a", { id: "stack-link" }, "Link to this stack")),
      make("p", { class: "rt-stack-sum", role: "status" }), make("pre", { tabindex: "0" }, make("code", { id: "stack-code" })));
    show();
    if (focus) document.getElementById(focus)?.focus();
  }
  function resize(dims) {                                // an entry for each dimension: the first ones are kept, the last is repeated
    const fit = text => { const parts = text.split(/[,x×]\s*/); return parts.length === 1 ? text : Array.from({ length: dims }, (_, i) => parts[Math.min(i, parts.length - 1)]).join(", "); };
    state.size = fit(state.size);
    for (const layer of state.layers) for (const name of ["kernel_size", "stride", "padding", "output_padding", "dilation"]) if (layer[name]) layer[name] = fit(layer[name]);
    state.dims = dims;
  }

  function complain(group, prefix, error) {
    const text = group.querySelector(".rt-stack-error");
    text.textContent = error?.message ?? "";
    for (const input of group.querySelectorAll("input")) {
      const wrong = error && input.id === `${prefix}-${error.field}`;
      if (wrong) { input.setAttribute("aria-invalid", "true"); input.setAttribute("aria-describedby", text.id); }
      else { input.removeAttribute("aria-invalid"); input.removeAttribute("aria-describedby"); }
    }
  }
  function show() {
    const { error, results } = computed(state), count = number => number.toLocaleString("en");
    complain(place.querySelector("fieldset"), "stack", error);
    const groups = [...place.querySelectorAll("ol fieldset")];
    groups.forEach((group, i) => {
      const result = results[i];
      complain(group, `layer-${i}`, result?.error);
      group.querySelector(".rt-stack-result").textContent = result?.shape
        ? `Output ${times(result.shape)}; ${count(result.parameters)} parameters; ${count(result.products)} multiply-adds; receptive field ${times(result.field)}` : "";
    });
    const good = results.filter(result => result.shape), last = good.at(-1), all = !error && good.length === state.layers.length;
    const sum = name => count(good.reduce((total, result) => total + result[name], 0));
    place.querySelector(".rt-stack-sum").textContent = !all ? (error ?? results.at(-1).error).message
      : last ? `The whole stack: output ${times(last.shape)}, ${sum("parameters")} parameters, ${sum("products")} multiply-adds, receptive field ${times(last.field)}.` : "No layer yet.";
    document.getElementById("stack-code").textContent = python(state, results);
    const link = `#stack=${written(state)}`;
    document.getElementById("stack-link").href = link;
  }
  function follow() {
    const found = /^#stack=(.*)$/.exec(decodeURIComponent(location.hash));
    state = (found && parsed(found[1])) ?? state;
    build();
  }
  addEventListener("hashchange", () => { if (location.hash.startsWith("#stack=")) follow(); });
  follow();
})();
