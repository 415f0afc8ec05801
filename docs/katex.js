// Renders formulas: a line of JSON in, {tex, display}; a line of JSON out, {html} or {error}.
const katex = require("katex");
const strict = code => (code === "htmlExtension" ? "ignore" : "error");   // \htmlData marks symbols; any other warning is an error
require("readline").createInterface({ input: process.stdin }).on("line", line => {
  const { tex, display } = JSON.parse(line);
  let answer;
  try {
    answer = { html: katex.renderToString(tex, { displayMode: display, output: "htmlAndMathml", trust: true, strict }) };
  } catch (error) {
    answer = { error: error.message };
  }
  process.stdout.write(JSON.stringify(answer) + "\n");
});
