// Reads the part of Python in which kernels are written. kernelSyntax.parse(text) gives the functions of a text as trees.
"use strict";

// An error with Python's name for it, the line, and what Python would say.
class PythonError extends Error {
  constructor(type, message, line) {
    super(message);
    Object.assign(this, { type, line });
  }
}

const kernelSyntax = (() => {
  const wrong = (message, line, type = "SyntaxError") => { throw new PythonError(type, message, line); };

  // -------------------------------------------------------------------------------------------------------------------- tokens
  const TOKEN = new RegExp([
    /([ \t\f]+|#.*)/, /("""[^]*?"""|"[^"\n]*"|'[^'\n]*')/, /([A-Za-z_]\w*)/,
    /((?:\d[\d_]*\.\d*|\.\d+|\d[\d_]*)(?:[eE][+-]?\d+)?)/, /(\/\/=|\*\*=|\/\/|\*\*|->|[<>=!]=|[-+*/%]=|[-+*/%<>=()[\]{},:.@])/,
  ].map(part => part.source).join("|"), "y");
  const KINDS = ["", "blank", "text", "name", "number", "sign"];
  const NOT_HERE = /<<|>>|[&|^~;\\]/y;                   // signs that Python has, and kernels do not
  const OPENING = { "(": ")", "[": "]", "{": "}" };

  function strange(text, at, line) {                    // what begins no token
    const letter = String.fromCodePoint(text.codePointAt(at)), code = `U+${text.codePointAt(at).toString(16).toUpperCase().padStart(4, "0")}`;
    NOT_HERE.lastIndex = at;
    if (NOT_HERE.test(text)) wrong(`'${letter}' is not known here`, line);
    if (`"'`.includes(letter)) wrong("unterminated string literal", line);
    if (/\p{L}/u.test(letter)) wrong(`'${letter}' is not known here: names have the letters a to z and A to Z`, line);
    if ("!?$`".includes(letter)) wrong("invalid syntax", line);
    wrong(/[\p{Z}\p{C}]/u.test(letter) ? `invalid non-printable character ${code}` : `invalid character '${letter}' (${code})`, line);
  }

  // Kinds: name, number, text, sign, and "line", "indent", "dedent", "end". `at` and `to` are places in the text.
  function tokens(text, first) {
    const found = [], indents = [0], open = [];
    let line = first, at = 0;
    const add = (kind, value, to = at) => found.push({ kind, value, line, at, to });
    while (at < text.length) {
      if (!open.length) {                               // a line begins
        const space = /[ \t]*/y, rest = /[ \t\f]*(#.*)?(\n|$)/y;
        rest.lastIndex = space.lastIndex = at;
        const blank = rest.exec(text);
        if (blank) { at += blank[0].length; line++; if (!blank[0].endsWith("\n")) break; continue; }
        const width = space.exec(text)[0].replace(/\t/g, "        ").length;
        if (width > indents.at(-1)) { indents.push(width); add("indent"); }
        while (width < indents.at(-1)) { indents.pop(); add("dedent"); }
        if (width !== indents.at(-1)) wrong("unindent does not match any outer indentation level", line, "IndentationError");
      }
      while (at < text.length && text[at] !== "\n") {
        TOKEN.lastIndex = at;
        const match = TOKEN.exec(text);
        if (!match) strange(text, at, line);
        NOT_HERE.lastIndex = at;
        const shift = NOT_HERE.exec(text);
        if (shift) wrong(`'${shift[0]}' is not known here`, line);
        const kind = KINDS[match.findIndex((part, i) => i && part !== undefined)], value = match[0];
        if (kind !== "blank") add(kind, value, TOKEN.lastIndex);
        if (kind === "sign" && OPENING[value]) open.push({ value, line });
        if (kind === "sign" && Object.values(OPENING).includes(value) && OPENING[open.pop()?.value] !== value) wrong(`unmatched '${value}'`, line);
        if (kind === "text") line += value.split("\n").length - 1;
        at = TOKEN.lastIndex;
      }
      if (!open.length) add("line");
      at++;
      line++;
    }
    if (open.length) wrong(`'${open.at(-1).value}' was never closed`, open.at(-1).line);
    while (indents.pop() > 0) add("dedent");
    add("end");
    return found;
  }

  // ------------------------------------------------------------------------------------------------------------------- parsing
  const COMPARISONS = ["<", ">", "<=", ">=", "==", "!=", "is", "in", "not"];
  const LEVELS = [["+", "-"], ["*", "/", "//", "%"]];
  const UNKNOWN = "lambda import from class with try except finally raise assert del global nonlocal yield async await".split(" ");
  const KEYWORDS = new Set(["and or not if elif else for while in is def return pass break continue None True False".split(" "), UNKNOWN].flat());

  class Parser {
    constructor(text, first) {
      Object.assign(this, { text, tokens: tokens(text, first), place: 0, loops: 0 });
    }
    get next() { return this.tokens[this.place]; }
    sees(...values) { return ["sign", "name"].includes(this.next.kind) && values.includes(this.next.value); }
    takes(value) { return this.sees(value) && ++this.place > 0; }
    needs(value) {
      if (this.takes(value)) return;
      wrong(value === ":" && this.sees("=") ? "invalid syntax. Maybe you meant '==' instead of '='?" : `expected '${value}'`, this.next.line);
    }
    // A node that begins with token `from`: its line, and its text for messages.
    node(kind, from, parts) {
      const first = this.tokens[from], last = this.tokens[this.place - 1];
      return { kind, line: first.line, text: this.text.slice(first.at, last.to).replace(/\s+/g, " "), ...parts };
    }
    name() {
      if (this.next.kind !== "name" || KEYWORDS.has(this.next.value)) wrong("invalid syntax", this.next.line);
      return this.tokens[this.place++].value;
    }

    // --------------------------------------------------------------------------------------------------------------- expressions
    expression() {
      const from = this.place, yes = this.either();
      if (!this.takes("if")) return yes;
      const condition = this.either();
      if (!this.takes("else")) wrong("expected 'else' after 'if' expression", this.next.line);
      return this.node("Choice", from, { condition, yes, no: this.expression() });
    }
    either() { return this.logical("or", () => this.both()); }
    both() { return this.logical("and", () => this.negated()); }
    logical(word, part) {
      const from = this.place;
      let left = part();
      while (this.takes(word)) { const right = part(); left = this.node("Logical", from, { word, left, right }); }
      return left;
    }
    negated() {
      const from = this.place;
      return this.takes("not") ? (value => this.node("Not", from, { value }))(this.negated()) : this.comparison();
    }
    comparison() {
      const from = this.place, parts = [this.sum(0)], signs = [];
      while (this.sees(...COMPARISONS)) {
        let sign = this.tokens[this.place++].value;
        if (sign === "is" && this.takes("not")) sign = "is not";
        if (sign === "not") { this.needs("in"); sign = "not in"; }
        signs.push(sign);
        parts.push(this.sum(0));
      }
      return signs.length ? this.node("Comparison", from, { signs, parts }) : parts[0];
    }
    sum(level) {
      if (level === LEVELS.length) return this.signed();
      const from = this.place;
      let left = this.sum(level + 1);
      while (this.next.kind === "sign" && this.sees(...LEVELS[level])) {
        const sign = this.tokens[this.place++].value, right = this.sum(level + 1);
        left = this.node("Arithmetic", from, { sign, left, right });
      }
      return left;
    }
    signed() {
      const from = this.place;
      for (const sign of ["-", "+"]) {
        if (this.takes(sign)) { const value = this.signed(); return this.node("Signed", from, { sign, value }); }
      }
      const left = this.primary();
      if (!this.takes("**")) return left;
      const right = this.signed();
      return this.node("Arithmetic", from, { sign: "**", left, right });
    }
    primary() {
      const from = this.place;
      let value = this.atom();
      for (;;) {
        if (this.takes("[")) value = this.node("Element", from, { value, ...this.list("]"), ...this.closed("]") });
        else if (this.takes("(")) value = this.node("Call", from, { value, ...this.list(")"), ...this.closed(")") });
        else if (this.takes(".")) { const name = this.name(); value = this.node("Attribute", from, { value, name }); }
        else return value;
      }
    }
    closed(sign) { this.needs(sign); return {}; }
    list(closing) {                                     // `comma`: there is one, so brackets make a tuple
      const parts = [], slice = () => { if (closing === "]" && this.sees(":")) wrong("slices are not known here: write the loop", this.next.line); };
      let comma = false;
      if (closing === "]" && this.sees("]")) wrong("invalid syntax", this.next.line);
      while (!this.sees(closing)) {
        slice();
        parts.push(this.expression());
        if (this.sees("=")) wrong("arguments by name are not known here", this.next.line);
        slice();
        if (this.sees("for")) wrong("comprehensions are not known here: write the loop", this.next.line);
        if (!this.takes(",")) break;
        comma = true;
      }
      return { parts, comma };
    }
    atom() {
      const from = this.place, { kind, value, line } = this.tokens[this.place++];
      if (kind === "number") {
        const plain = value.replaceAll("_", "");
        return this.node("Number", from, { value: Number(plain), whole: /^\d+$/.test(plain) });
      }
      if (kind === "text") return this.node("Text", from, { value: value.replace(/^("""|"|')|("""|"|')$/g, "") });
      if (kind === "name" && ["True", "False", "None"].includes(value)) {
        return this.node("Constant", from, { value: { True: true, False: false, None: null }[value] });
      }
      if (kind === "name" && !KEYWORDS.has(value)) return this.node("Name", from, { name: value });
      if (kind === "sign" && value === "(") {
        const { parts, comma } = this.list(")");
        this.needs(")");
        return comma || !parts.length ? this.node("Tuple", from, { parts }) : parts[0];
      }
      this.place--;
      if (kind === "sign" && "[{".includes(value)) wrong(`${value === "[" ? "lists" : "sets and dictionaries"} are not known here`, line);
      return wrong(UNKNOWN.includes(value) ? `'${value}' is not known here` : "invalid syntax", line);
    }
    several() {                                         // an expression, or a tuple without brackets
      const from = this.place, parts = [this.expression()];
      if (!this.sees(",")) return parts[0];
      while (this.takes(",") && !this.sees("=") && this.next.kind !== "line") parts.push(this.expression());
      return this.node("Tuple", from, { parts });
    }

    // ----------------------------------------------------------------------------------------------------------------- statements
    functions() {
      const found = [];
      while (this.next.kind !== "end") {
        const { line } = this.next;
        while (this.takes("@")) { while (this.next.kind !== "line") this.place++; this.place++; }
        if (!this.sees("def")) wrong(this.next.kind === "indent" ? "unexpected indent" : "only functions can stand here, from 'def' on", this.next.line);
        found.push({ ...this.definition(), first: line });
      }
      if (!found.length) wrong("there is no function", this.next.line);
      return found;
    }
    definition() {
      const { line } = this.next;
      this.needs("def");
      const name = this.name(), parameters = [];
      this.needs("(");
      while (!this.sees(")")) { parameters.push(this.name()); if (!this.takes(",")) break; }
      this.needs(")");
      return { name, line, parameters, body: this.block("function definition", line) };
    }
    block(what, line) {
      this.needs(":");
      if (this.next.kind !== "line") return [this.simple()];
      this.place++;
      if (this.next.kind !== "indent") {
        const last = this.tokens.findLast(token => token.kind === "line").line;
        wrong(`expected an indented block after ${what} on line ${line}`, Math.min(this.next.line, last), "IndentationError");
      }
      this.place++;
      const body = [];
      while (this.next.kind !== "dedent") body.push(this.statement());
      this.place++;
      return body;
    }
    statement() {
      const from = this.place, { line } = this.next;
      if (this.next.kind === "indent") wrong("unexpected indent", line, "IndentationError");
      if (this.takes("if")) return this.branch(from, "'if' statement");
      if (this.takes("while")) {
        const condition = this.expression();
        return this.node("While", from, { condition, body: this.repeated("'while' statement", line) });
      }
      if (this.takes("for")) {
        const start = this.place, parts = [this.primary()];
        while (this.takes(",")) parts.push(this.primary());
        const target = parts.length > 1 ? this.node("Tuple", start, { parts }) : parts[0];
        this.needs("in");
        const over = this.several();
        return this.node("For", from, { target, over, body: this.repeated("'for' statement", line) });
      }
      if (this.sees("def")) wrong("a function inside a function is not known here", line);
      return this.simple();
    }
    repeated(what, line) {
      this.loops++;
      const body = this.block(what, line);
      this.loops--;
      if (this.sees("else")) wrong("the 'else' of a loop is not known here", this.next.line);
      return body;
    }
    branch(from, what) {
      const { line } = this.tokens[from], condition = this.expression(), yes = this.block(what, line), start = this.place;
      let no = [];
      if (this.takes("elif")) no = [this.branch(start, "'elif' statement")];
      else if (this.takes("else")) no = this.block("'else' statement", this.tokens[start].line);
      return this.node("If", from, { condition, yes, no });
    }
    simple() {
      const from = this.place, statement = this.plain(from);
      if (this.next.kind !== "line") {
        wrong(this.sees("=") && statement.kind === "Expression" ? "invalid syntax. Maybe you meant '==' instead of '='?" : "invalid syntax", this.next.line);
      }
      this.place++;
      return statement;
    }
    plain(from) {
      if (!this.loops && this.sees("break")) wrong("'break' outside loop", this.next.line);
      if (!this.loops && this.sees("continue")) wrong("'continue' not properly in loop", this.next.line);
      for (const word of ["pass", "break", "continue"]) if (this.takes(word)) return this.node(word, from, {});
      if (this.takes("return")) {
        const value = this.next.kind === "line" ? null : this.several();
        return this.node("Return", from, { value });
      }
      const first = this.several();
      if (this.sees("+=", "-=", "*=", "/=", "//=", "%=", "**=")) {
        const sign = this.tokens[this.place++].value.slice(0, -1);
        this.target(first);
        const value = this.several();
        return this.node("Change", from, { target: first, sign, value });
      }
      const chain = [first];
      while (this.takes("=")) chain.push(this.several());
      const value = chain.pop();
      if (!chain.length) return this.node("Expression", from, { value });
      chain.forEach(target => this.target(target));
      return this.node("Assign", from, { targets: chain, value });
    }
    target(node) {
      if (node.kind === "Tuple") node.parts.forEach(part => this.target(part));
      else if (!["Name", "Element"].includes(node.kind)) wrong(`cannot assign to ${node.text}`, node.line);
    }
  }

  function parse(text, first = 1) {
    const parser = new Parser(text, first);
    try { return parser.functions(); } catch (caught) {
      if (!(caught instanceof RangeError)) throw caught;  // the browser's stack is full
      return wrong("too many nested parentheses", parser.tokens[Math.min(parser.place, parser.tokens.length - 1)].line);
    }
  }

  // What a function says, whatever its lines, spaces, brackets and comments: equal texts of two functions mean equal code.
  function normalized(definition) {
    const { name, parameters, body } = definition;
    const plain = (key, value) => ["line", "text", "comma"].includes(key) ? undefined : value;
    const said = body.filter((statement, i) => i || statement.value?.kind !== "Text");
    return JSON.stringify([name, parameters, said], plain);
  }

  return { parse, normalized };
})();
