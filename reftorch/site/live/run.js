// Runs a kernel line by line and records it as reftorch.trace does: kernelRun(launch) gives { recording, error }.
// The format of a recording is described in reftorch/trace/__init__.py.
"use strict";

const kernelRun = (() => {
  const { Scalar, arithmetic, compare, negative, truth, cast, kind, valueOf, typeOf, isNumber, isFloat, REAL } = kernelValues;
  const MODULES = { math: { inf: Infinity, nan: NaN, pi: Math.PI, e: Math.E }, np: { inf: Infinity, nan: NaN, pi: Math.PI } };
  const TYPES = new Set("float32 float64 int8 int16 int32 int64 uint8".split(" "));
  const PLAIN = new Set("range prange len min max abs int float bool print".split(" "));
  const ELSEWHERE = new Set("enumerate zip sum sorted reversed list tuple map filter all any".split(" "));   // of Python
  const BREAK = "break", CONTINUE = "continue", RETURN = "return";

  const list = shape => `(${shape.join(", ")}${shape.length === 1 ? "," : ""})`;
  const product = shape => shape.reduce((a, b) => a * b, 1);
  const fromJSON = value => ({ nan: NaN, inf: Infinity, "-inf": -Infinity })[value] ?? value;

  // A number in a recording: of a float32 as few digits as tell it from its neighbours.
  function toJSON(x) {
    const value = x instanceof Scalar ? x.value : x;
    if (typeof value !== "number") return value;
    if (!Number.isFinite(value)) return Number.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
    if (typeOf(x) !== "float32" || Number.isInteger(value)) return value;
    for (let digits = 1; digits < 9; digits++) if (Math.fround(value.toPrecision(digits)) === value) return Number(value.toPrecision(digits));
    return Number(value.toPrecision(9));
  }

  // Part of an array, or all of it. Arrays lie in memory row by row, so a part begins at `offset`.
  class View {
    constructor(array, label, offset = 0, shape = array.shape) {
      Object.assign(this, { array, label, offset, shape, kind: "array" });
    }
    get size() { return product(this.shape); }
    get(flat) { return this.array.dtype === "bool" ? this.array.data[flat] : new Scalar(this.array.data[flat], this.array.dtype); }
  }

  // What is written down of each line: variables that changed, cells that were read and written.
  class Recorder {
    constructor(arrays, limit) {
      Object.assign(this, { limit, steps: [], variables: [], numbers: new Map(), functions: [], touched: new Map() });
      let first = 0;
      this.arrays = arrays.map(array => {
        const given = { ...array, data: array.data.map(value => fromJSON(value) ?? 0), first, before: array.data.map(value => value ?? 0) };
        first += array.data.length;
        return given;
      });
      this.clear();
    }
    clear() { Object.assign(this, { frame: null, line: null, again: false, reads: new Set(), writes: new Map() }); }
    begin(frame, line) { Object.assign(this, { frame, line, again: false }); }
    visit(frame, line) { if (this.frame !== frame || this.line !== line) { this.finish(); this.begin(frame, line); } }
    rows(source) {                                      // the row of line 0 of a function's file
      if (!this.functions.includes(source)) this.functions.push(source);
      let row = 0;
      for (const other of this.functions) { if (other === source) return row - source.line; row += other.source.length; }
      return row;
    }
    finish() {
      if (this.frame === null) return;
      const { frame } = this, row = this.rows(frame.source) + this.line, changes = this.changes(frame);
      const step = [row, changes, [...this.reads], [...this.writes].flat()];
      if (step.slice(1).some(part => part.length) || !this.again) {
        if (this.steps.length >= this.limit) {
          throw new PythonError("Stopped", `more than ${this.limit} steps: a loop may never end`, this.line);
        }
        while (step.length > 1 && !step.at(-1).length) step.pop();
        this.steps.push(step);
      }
      this.clear();
    }
    changes(frame) {
      const found = [];
      for (const name of frame.order) {
        if (!frame.values.has(name)) continue;
        const value = frame.values.get(name), shown = this.shown(name, value);
        if (shown === undefined || (frame.known.has(name) && same(frame.known.get(name), shown))) continue;
        frame.known.set(name, shown);
        const number = this.functions.indexOf(frame.source), key = `${number} ${name}`;
        if (!this.numbers.has(key)) { this.numbers.set(key, this.variables.length); this.variables.push([name, number, kind(value)]); }
        found.push(this.numbers.get(key), shown);
      }
      return found;
    }
    shown(name, value) {                                // undefined: it is no value that could be shown
      if (value === null || typeof value === "string" || isNumber(value)) return toJSON(value);
      if (value instanceof View) return value.label === name ? undefined : `${value.label} [${value.shape.join(", ")}]`;
      if (!Array.isArray(value)) return undefined;
      const parts = value.map(part => this.shown("", part));
      return parts.some(part => part === undefined || typeof part === "string" && !["nan", "inf", "-inf"].includes(part)) ? undefined : parts;
    }
    touch(cell, how) { if (!this.touched.has(cell)) this.touched.set(cell, how); }
    read(array, flat) {
      this.touch(array.first + flat, "read");
      this.reads.add(array.first + flat);
    }
    wrote(array, flat, value) {
      this.touch(array.first + flat, "written");
      this.writes.set(array.first + flat, value);
    }
    recording(kernel) {                                 // an array that is only written to held nothing at the start
      const arrays = this.arrays.map(({ name, shape, dtype, space, first, before }) => {
        const how = new Set(before.map((_, i) => this.touched.get(first + i)));
        return { name, shape, dtype, space, data: how.has("written") && !how.has("read") ? before.map(() => null) : before };
      });
      return {
        format: "reftorch recording", version: 1, kernel, device: "cpu", functions: this.functions, arrays, variables: this.variables,
        steps: this.steps, threads: [], grid: [], block: [],
      };
    }
  }
  const same = (a, b) => Array.isArray(a) && Array.isArray(b) ? a.length === b.length && a.every((part, i) => same(part, b[i])) : Object.is(a, b);

  // The names that a function gives values to, in the order of its text.
  function locals(body, found = []) {
    const add = target => target.kind === "Tuple" ? target.parts.forEach(add) : target.kind === "Name" && !found.includes(target.name) && found.push(target.name);
    for (const one of body) {
      if (one.kind === "Assign") one.targets.forEach(add);
      if (one.kind === "Change" || one.kind === "For") add(one.target);
      for (const inside of [one.body, one.yes, one.no]) if (Array.isArray(inside)) locals(inside, found);
    }
    return found;
  }

  class Interpreter {
    constructor(launch, recorder) {
      Object.assign(this, { recorder, depth: 0, globals: launch.globals ?? {}, functions: new Map() });
      for (const { name, file, line, source } of launch.functions) {
        const [tree] = kernelSyntax.parse(source.join("\n") + "\n", line);
        this.functions.set(name, { kind: "function", tree, source: { name, file, line, source }, order: locals(tree.body, [...tree.parameters]) });
      }
    }
    fail(type, message, node) { throw new PythonError(type, message, node.line); }

    // -------------------------------------------------------------------------------------------------------------- functions
    call({ tree, source, order }, values) {
      if (values.length !== tree.parameters.length) {
        throw new PythonError("TypeError", `${tree.name}() takes ${tree.parameters.length} positional arguments but ${values.length} were given`, this.recorder.line ?? tree.line);
      }
      const { recorder, frame: caller } = this, { line } = recorder;
      if (this.depth === 50) throw new PythonError("RecursionError", "maximum recursion depth exceeded", line);
      this.depth++;
      recorder.finish();
      const frame = { source, order, tree, values: new Map(tree.parameters.map((name, i) => [name, values[i]])), known: new Map() };
      this.frame = frame;
      recorder.rows(source);
      recorder.begin(frame, tree.line);
      recorder.finish();
      const said = tree.body[0]?.kind === "Expression" && tree.body[0].value.kind === "Text" ? tree.body.slice(1) : tree.body;
      const left = this.body(said);
      recorder.finish();
      this.frame = caller;
      this.depth--;
      if (caller) { recorder.begin(caller, line); recorder.again = true; }
      return left?.value ?? null;
    }

    // ------------------------------------------------------------------------------------------------------------- statements
    body(statements) {                                  // how it was left: undefined at its end
      for (const statement of statements) {
        const left = this.statement(statement);
        if (left) return left;
      }
      return undefined;
    }
    statement(node) {
      this.recorder.finish();
      this.recorder.begin(this.frame, node.line);
      switch (node.kind) {
        case "Assign": { const value = this.value(node.value); node.targets.forEach(target => this.assign(target, value)); return undefined; }
        case "Change": this.change(node); return undefined;
        case "Expression": this.value(node.value); return undefined;
        case "If": return this.body(this.holds(node.condition) ? node.yes : node.no);
        case "For": return this.loop(node);
        case "While": return this.repeat(node);
        case "Return": return { how: RETURN, value: node.value ? this.value(node.value) : null };
        case "pass": return undefined;
        default: return { how: node.kind };
      }
    }
    loop(node) {
      const over = this.value(node.over);
      if (!Array.isArray(over) && over?.kind !== "range") this.fail("TypeError", `'${kind(over)}' object is not iterable`, node);
      const { start, stop, step } = over.kind === "range" ? over : { start: 0, stop: over.length, step: 1 };
      for (let i = start; step > 0 ? i < stop : i > stop; i += step) {
        this.assign(node.target, over.kind === "range" ? i : over[i]);
        const left = this.body(node.body);
        if (left?.how === BREAK) return undefined;
        if (left?.how === RETURN) return left;
        this.recorder.finish();
        this.recorder.begin(this.frame, node.line);
      }
      return undefined;
    }
    repeat(node) {
      while (this.holds(node.condition)) {
        const left = this.body(node.body);
        if (left?.how === BREAK) return undefined;
        if (left?.how === RETURN) return left;
        this.recorder.finish();
        this.recorder.begin(this.frame, node.line);
      }
      return undefined;
    }
    assign(target, value) {
      this.recorder.visit(this.frame, target.line);
      if (target.kind === "Name") { this.frame.values.set(target.name, value); return; }
      if (target.kind === "Element") { this.write(this.place(target), value, target); return; }
      const parts = value?.kind === "range" || Array.isArray(value) ? value : this.fail("TypeError", `cannot unpack non-iterable ${kind(value)} object`, target);
      if (parts.length !== target.parts.length) {
        const few = parts.length < target.parts.length;
        this.fail("ValueError", few ? `not enough values to unpack (expected ${target.parts.length}, got ${parts.length})` : `too many values to unpack (expected ${target.parts.length})`, target);
      }
      target.parts.forEach((part, i) => this.assign(part, parts[i]));
    }
    change({ target, sign, value, line }) {
      const fail = (type, message) => this.fail(type, message, { line });
      if (target.kind === "Name") {
        const before = this.value(target), by = this.value(value);
        this.recorder.visit(this.frame, line);
        this.assign(target, arithmetic(sign, before, by, fail));
        return;
      }
      const place = this.place(target), before = this.element(place, target), by = this.value(value);
      this.recorder.visit(this.frame, line);
      this.write(place, arithmetic(sign, before, by, fail), target);
    }

    // --------------------------------------------------------------------------------------------------------- elements of arrays
    place(node) {                                       // what is indexed, and the indices
      const value = this.value(node.value), indices = node.parts.map(part => this.value(part));
      this.recorder.visit(this.frame, node.line);
      if (!(value instanceof View)) return { value, indices };
      const { shape } = value;
      if (indices.length > shape.length) {
        this.fail("IndexError", `too many indices for ${node.value.text}: it has ${shape.length} dimensions, but ${indices.length} were indexed`, node);
      }
      let flat = 0;
      indices.forEach((index, d) => {
        if (!isNumber(index) || isFloat(typeOf(index))) {
          this.fail("IndexError", `${node.text}: an index must be a whole number, but ${node.parts[d].text} is ${this.shown(index)}, a ${kind(index)}`, node);
        }
        if (!(valueOf(index) >= 0 && valueOf(index) < shape[d])) this.fail("IndexError", this.outside(node, indices, d, shape), node);
        flat = flat * shape[d] + valueOf(index);
      });
      const rest = shape.slice(indices.length);
      return { value, indices, rest, flat: value.offset + flat * product(rest) };
    }
    shown(value) { return isNumber(value) ? String(toJSON(value)) : kind(value); }
    outside(node, indices, d, shape) {
      const number = String(valueOf(indices[d])), said = node.parts[d].text;
      const where = said === number ? `index ${number}` : `${said} = ${number}`;
      const limits = shape[d] ? `outside 0..${shape[d] - 1}, dimension ${d}` : `outside the empty dimension ${d}`;
      const all = indices.map(valueOf);
      return `${node.text}: ${where} is ${limits} of shape ${list(shape)}; the index is ${all.length > 1 ? list(all) : `(${all[0]})`}`;
    }
    element({ value, indices, rest, flat }, node) {
      if (value instanceof View) {
        if (rest.length) return new View(value.array, value.label.startsWith("part of ") ? value.label : `part of ${value.label}`, flat, rest);
        this.recorder.read(value.array, flat);
        return value.get(flat);
      }
      if (!Array.isArray(value)) this.fail("TypeError", `'${kind(value)}' object is not subscriptable`, node);
      const index = valueOf(indices[0]);
      if (!Number.isInteger(index)) this.fail("TypeError", `tuple indices must be integers or slices, not ${kind(indices[0])}`, node);
      const found = value.at(index);
      if (index >= value.length || index < -value.length) this.fail("IndexError", "tuple index out of range", node);
      return found;
    }
    write({ value, rest, flat }, number, node) {
      if (!(value instanceof View)) this.fail("TypeError", `'${kind(value)}' object does not support item assignment`, node);
      if (rest.length) this.fail("IndexError", `${node.text} is a part of the array with ${rest.length} more dimensions: name each index`, node);
      if (!isNumber(number)) this.fail("TypeError", `an element must be a number, not ${kind(number)}`, node);
      const { array } = value, element = cast(number, array.dtype, (type, message) => this.fail(type, message, node));
      array.data[flat] = valueOf(element);
      if (array.dtype === "bool") array.data[flat] = element;
      this.recorder.wrote(array, flat, toJSON(element));
    }

    // ------------------------------------------------------------------------------------------------------------- expressions
    value(node) {
      const found = this[node.kind](node);
      this.recorder.visit(this.frame, node.line);
      return found;
    }
    holds(node) {
      const value = this.value(node);
      this.no_array(value, node);
      return truth(value);
    }
    no_array(value, node) {
      if (value instanceof View) this.fail("ValueError", `${node.text} is a whole array, and a condition is about one number: give it its indices`, node);
    }
    Number(node) { return node.whole ? node.value : new Scalar(node.value, "float"); }
    Text(node) { return node.value; }
    Constant(node) { return node.value; }
    Tuple(node) { return node.parts.map(part => this.value(part)); }
    Name(node) {
      const { name } = node, { values, order } = this.frame;
      if (values.has(name)) return values.get(name);
      if (order.includes(name)) this.fail("UnboundLocalError", `cannot access local variable '${name}' where it is not associated with a value`, node);
      if (name in this.globals) return constant(this.globals[name]);
      if (this.functions.has(name)) return this.functions.get(name);
      if (PLAIN.has(name) || name in MODULES) return { kind: name in MODULES ? "module" : "builtin_function_or_method", name };
      if (ELSEWHERE.has(name)) this.fail("NameError", `'${name}' is not known here: write the loop`, node);
      const near = closest(name, [...values.keys(), ...this.functions.keys(), ...Object.keys(this.globals), ...PLAIN]);
      return this.fail("NameError", `name '${name}' is not defined${near ? `. Did you mean: '${near}'?` : ""}`, node);
    }
    Signed(node) {
      const value = this.value(node.value);
      if (!isNumber(value)) this.fail("TypeError", `bad operand type for unary ${node.sign}: '${kind(value)}'`, node);
      return node.sign === "-" ? negative(value) : value;
    }
    Arithmetic(node) {
      const left = this.value(node.left), right = this.value(node.right);
      this.recorder.visit(this.frame, node.line);
      const zero = node.right.kind === "Number" ? "" : `: ${node.right.text} is 0`;
      return arithmetic(node.sign, left, right, (type, message) => this.fail(type, type === "ZeroDivisionError" ? message + zero : message, node));
    }
    Not(node) { return !this.holds(node.value); }
    Logical(node) {
      const left = this.value(node.left);
      this.no_array(left, node.left);
      return truth(left) === (node.word === "and") ? this.value(node.right) : left;
    }
    Comparison(node) {
      let left = this.value(node.parts[0]);
      for (const [i, sign] of node.signs.entries()) {
        const right = this.value(node.parts[i + 1]);
        if (!compare(sign, left, right, (type, message) => this.fail(type, message, node))) return false;
        left = right;
      }
      return true;
    }
    Choice(node) { return this.value(this.holds(node.condition) ? node.yes : node.no); }
    Element(node) { return this.element(this.place(node), node); }
    Attribute(node) {
      const value = this.value(node.value), { name } = node;
      if (value instanceof View) {
        if (name === "shape") return value.shape.slice();
        if (name === "size") return value.size;
        if (name === "ndim") return value.shape.length;
        if (name === "dtype") return { kind: "dtype", type: value.array.dtype };
      }
      if (value?.kind === "dtype" && name === "type") return { kind: "type", type: value.type };
      if (isNumber(value) && value instanceof Scalar && name === "dtype") return { kind: "dtype", type: value.type };
      if (value?.kind === "module") {
        const number = MODULES[value.name][name];
        if (number !== undefined) return new Scalar(number, "float");
        if (value.name === "np" && TYPES.has(name)) return { kind: "type", type: name };
        if (value.name === "math" && (name in REAL || name in WHOLE)) return { kind: "builtin_function_or_method", name: `math.${name}` };
        this.fail("AttributeError", `${value.name}.${name} is not known here`, node);
      }
      return this.fail("AttributeError", `'${value instanceof View ? "numpy.ndarray" : kind(value)}' object has no attribute '${name}'`, node);
    }
    Call(node) {
      const called = this.value(node.value), values = node.parts.map(part => this.value(part));
      this.recorder.visit(this.frame, node.line);
      const fail = (type, message) => this.fail(type, message, node);
      if (called?.kind === "function") return this.call(called, values);
      if (called?.kind === "type") return cast(number(values, fail), called.type, fail);
      if (called?.kind !== "builtin_function_or_method") fail("TypeError", `'${kind(called)}' object is not callable`);
      return called.name.startsWith("math.") ? mathematics(called.name.slice(5), values, fail) : BUILTIN[called.name](values, fail);
    }
  }

  // A constant of the module: [type, value], or a list of these.
  const constant = given => typeof given[0] === "string" ? typed(given) : given.map(constant);
  function typed([type, value]) {
    const number = fromJSON(value);
    return type === "int" || typeof number !== "number" ? number : new Scalar(number, type);
  }

  // ------------------------------------------------------------------------------------------------------------------ functions
  function number(values, fail, from = 1, to = from) {
    if (values.length < from || values.length > to) fail("TypeError", `expected ${from} argument${from > 1 ? "s" : ""}, got ${values.length}`);
    for (const value of values) if (!isNumber(value)) fail("TypeError", `must be real number, not ${kind(value)}`);
    return values[0];
  }
  function whole(x, how, fail) {
    const value = how(valueOf(x));
    if (Number.isNaN(value)) fail("ValueError", "cannot convert float NaN to integer");
    if (!Number.isFinite(value)) fail("OverflowError", "cannot convert float infinity to integer");
    return value + 0;
  }
  const WHOLE = { floor: Math.floor, ceil: Math.ceil, trunc: Math.trunc, isnan: Number.isNaN, isfinite: Number.isFinite, isinf: x => Math.abs(x) === Infinity };
  function mathematics(name, values, fail) {
    const count = ["copysign", "pow"].includes(name) ? 2 : 1, first = number(values, fail, count);
    if (name.startsWith("is")) return WHOLE[name](valueOf(first));
    if (name in WHOLE) return whole(first, WHOLE[name], fail);
    return new Scalar(REAL[name](...values.map(valueOf)), "float");
  }
  function extreme(sign) {
    return (values, fail) => {
      if (!values.length) fail("TypeError", "expected at least 1 argument, got 0");
      if (values.length === 1 && !Array.isArray(values[0])) fail("TypeError", `'${kind(values[0])}' object is not iterable`);
      const all = values.length === 1 ? values[0] : values;
      if (!all.length) fail("ValueError", "arg is an empty sequence");
      return all.reduce((best, next) => compare(sign, next, best, fail) ? next : best);
    };
  }
  function range(values, fail) {
    for (const value of values) {
      if (!isNumber(value) || isFloat(typeOf(value))) fail("TypeError", `'${kind(value)}' object cannot be interpreted as an integer`);
    }
    const [a, b, step = 1] = values.map(valueOf);
    if (!values.length || values.length > 3) fail("TypeError", `range expected from 1 to 3 arguments, got ${values.length}`);
    if (step === 0) fail("ValueError", "range() arg 3 must not be zero");
    return { kind: "range", start: b === undefined ? 0 : a, stop: b ?? a, step };
  }
  const BUILTIN = {
    range, prange: range, min: extreme("<"), max: extreme(">"), print: () => null,
    len: ([value, ...more], fail) => value === undefined || more.length ? fail("TypeError", `len() takes exactly one argument (${value === undefined ? 0 : more.length + 1} given)`) : value instanceof View ? value.shape[0] : Array.isArray(value) ? value.length : fail("TypeError", `object of type '${kind(value)}' has no len()`),
    abs: (values, fail) => { const x = number(values, fail); return valueOf(x) < 0 || Object.is(valueOf(x), -0) ? negative(x) : x; },
    int: (values, fail) => whole(number(values, fail), Math.trunc, fail),
    float: (values, fail) => new Scalar(valueOf(number(values, fail)), "float"),
    bool: ([value]) => truth(value),
  };

  // The known name that takes the fewest changes of letters, if these are at most half of them.
  function closest(name, known) {
    let best = "", least = Math.floor(name.length / 2) + 1;
    for (const other of known) {
      let row = [...other, ""].map((_, i) => i);
      for (const [i, letter] of [...name].entries()) {
        const next = [i + 1];
        for (let j = 0; j < other.length; j++) next.push(Math.min(row[j + 1] + 1, next[j] + 1, row[j] + (letter !== other[j])));
        row = next;
      }
      if (row.at(-1) < least) { best = other; least = row.at(-1); }
    }
    return best;
  }

  // `launch`: `kernel`, a name; `functions`, each with name, file, line and source, a list of lines; `arrays`, as in a recording;
  // `arguments`, each { array: number, label } or { value: [type, value] } or { parts: [...] }; `globals`, each [type, value].
  // What was recorded until an error is there, too.
  function run(launch, limit = 20000) {
    const recorder = new Recorder(launch.arrays, limit);
    const given = argument => argument.parts ? argument.parts.map(given) : argument.value ? typed(argument.value) : new View(recorder.arrays[argument.array], argument.label);
    let error = null;
    try {
      const interpreter = new Interpreter(launch, recorder);
      interpreter.frame = null;
      interpreter.call(interpreter.functions.get(launch.kernel), launch.arguments.map(given));
    } catch (caught) {
      if (!(caught instanceof PythonError || caught instanceof RangeError)) throw caught;
      error = caught instanceof PythonError ? caught : new PythonError("RecursionError", "maximum recursion depth exceeded", recorder.line);
      recorder.limit = Infinity;
      try { recorder.finish(); } catch { /* the line that failed has nothing to show */ }
    }
    return { recording: recorder.recording(launch.kernel), arrays: recorder.arrays, blank: (array, flat) => !recorder.touched.has(array.first + flat), error };
  }

  return run;
})();
