// What a line of a kernel says: which cells it names, and what it computes with the numbers of the moment. For viewer.js.
"use strict";

const stepTerms = (() => {
  const TOKEN = /(#.*)|("[^"]*"|'[^']*')|([A-Za-z_]\w*)|(\d+(?:\.\d+)?(?:e[+-]?\d+)?)|(\/\/|\*\*|[<>=!]=|[-+*/%@]=|\s+|.)/gy;
  const KINDS = ["", "comment", "string", "name", "number", "sign"];
  const CLOSING = { "(": ")", "[": "]", "{": "}" };

  function tokens(text) {
    const found = [];
    for (const match of text.matchAll(TOKEN)) {
      const kind = KINDS[match.findIndex((part, i) => i && part !== undefined)];
      found.push({ kind, text: match[0], at: match.index });
    }
    return found;
  }

  // The first token behind the bracket that opens at `from`, or null if it does not close.
  function behind(list, from) {
    const open = [];
    for (let i = from; i < list.length; i++) {
      if (list[i].kind !== "sign") continue;
      if (CLOSING[list[i].text]) open.push(CLOSING[list[i].text]);
      else if (list[i].text === open.at(-1)) { open.pop(); if (!open.length) return i + 1; }
    }
    return null;
  }
  const written = list => list.map(token => token.text).join("").trim();

  // What commas separate, but for those in brackets.
  function parts(list) {
    const found = [[]];
    for (let i = 0; i < list.length; i++) {
      const end = CLOSING[list[i].text] && list[i].kind === "sign" ? behind(list, i) : null;
      if (list[i].text === "," && list[i].kind === "sign") { found.push([]); continue; }
      found.at(-1).push(...list.slice(i, end ?? i + 1));
      if (end) i = end - 1;
    }
    return found.filter(part => written(part));
  }

  // The value of index arithmetic: whole numbers, names, + - * // % and brackets; undefined if it is anything else.
  function value(list, known) {
    const left = list.filter(token => token.text.trim());
    let i = 0;
    const is = text => left[i] !== undefined && left[i].kind === "sign" && left[i].text === text && ++i > 0;
    const atom = () => {
      if (is("-")) return -atom();
      if (is("(")) { const inside = sum(); return is(")") ? inside : undefined; }
      const token = left[i++];
      if (token === undefined) return undefined;
      if (token.kind === "number") return Number(token.text);
      const found = token.kind === "name" ? known(token.text) : undefined;
      return typeof found === "number" ? found : undefined;
    };
    const product = () => {
      let result = atom();
      for (;;) {
        if (is("*")) result *= atom();
        else if (is("//")) result = Math.floor(result / atom());
        else if (is("%")) { const by = atom(); result = ((result % by) + by) % by; }
        else return result;
      }
    };
    const sum = () => {
      let result = product();
      for (;;) {
        if (is("+")) result += product();
        else if (is("-")) result -= product();
        else return result;
      }
    };
    const result = sum();
    return i === left.length && Number.isFinite(result) ? result : undefined;
  }

  // The elements `x[n, c]` and `params[k][i]` in a line: of each the array's name, the tokens of its indices, and where it stands.
  // `array(name)` tells the name of the array that a name stands for, or undefined.
  function elements(list, known, array) {
    const found = [];
    for (let i = 0; i + 1 < list.length; i++) {
      if (list[i].kind !== "name" || list[i + 1].text !== "[" || (i && list[i - 1].text === ".")) continue;
      const end = behind(list, i + 1);
      if (end === null) continue;
      const first = list.slice(i + 2, end - 1), name = array(list[i].text);
      if (name !== undefined) { found.push({ name, indices: parts(first), from: i, to: end }); continue; }
      const place = value(first, known), member = place === undefined ? undefined : array(`${list[i].text}[${place}]`);
      const last = member === undefined || list[end]?.text !== "[" ? null : behind(list, end);
      if (last !== null) found.push({ name: member, indices: parts(list.slice(end + 1, last - 1)), from: i, to: last });
    }
    return found;
  }

  // The statement with numbers in place of names and elements, and what comes out of it; "" if there are none in it. `at` tells
  // old(name), now(name): the value of a variable before and after; before(element), after(element): that of a cell, undefined if
  // there is no such cell; moved(name): whether the statement has set it; taken: whether a condition held, null if that is open;
  // write(value): how a number is written.
  function computed(list, elements, at) {
    const text = i => list[i]?.text;
    const substituted = (from, to) => {
      let found = "", any = false;
      for (let i = from; i < to; i++) {
        const element = elements.find(e => e.from === i), alone = text(i - 1) !== "." && !["(", ".", "["].includes(text(i + 1));
        const value = element ? at.before(element) : list[i].kind === "name" && alone ? at.old(list[i].text) : undefined;
        const is_value = value !== undefined && value !== null && (element || typeof value !== "string") && !Array.isArray(value);
        found += is_value ? at.write(value) : list[i].text;
        if (is_value && element) i = element.to - 1;
        any ||= is_value;
      }
      return any ? found.trim() : "";
    };
    if (text(0) === "for") {
      const variable = text(2), range = substituted(list.findIndex(token => token.text === "in") + 1, list.length - 1);
      if (!at.moved(variable)) return range && `${range} is over`;
      return `${variable} = ${at.write(at.now(variable))}` + (range ? ` in ${range}` : "");
    }
    if (["if", "elif", "while"].includes(text(0))) {
      const asked = substituted(1, list.length - 1);
      return asked && (at.taken === null ? asked : `${asked}: ${at.taken ? "True" : "False"}`);
    }
    let depth = 0;
    const sign = list.findIndex(token => {
      depth += token.kind === "sign" ? (token.text in CLOSING) - Object.values(CLOSING).includes(token.text) : 0;
      return !depth && token.kind === "sign" && ["=", "+=", "-=", "*=", "/="].includes(token.text);
    });
    const right = sign < 0 ? "" : substituted(sign + 1, list.length);
    if (!right) return "";
    const target = elements.find(e => e.from === 0 && e.to <= sign), name = written(list.slice(0, sign));
    const indices = target ? target.indices.map(index => value(index, at.old)) : [];
    const [first, result] = target ? [at.before(target), at.after(target)] : [at.old(name), at.now(name)];
    if (result === undefined || result === null || Array.isArray(result)) return "";
    const place = target && !indices.includes(undefined) ? `${target.name}[${indices.join(", ")}]` : name;
    if (right === at.write(result) && text(sign) === "=") return `${place} = ${right}`;
    const loose = text(sign) === "=" ? /[=<>]| if | and | or / : text(sign) === "+=" ? /[=<>]| if / : /[-+=<>]| if /;
    const whole = loose.test(right.slice(1)) ? `(${right})` : right;
    return `${place} = ${text(sign) === "=" ? "" : `${at.write(first)} ${text(sign)[0]} `}${whole} = ${at.write(result)}`;
  }

  return { tokens, value, elements, written, computed };
})();
