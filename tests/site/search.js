// Asks the theme's search worker: node search.js WORKER INDEX < QUERIES, a JSON list of texts. Prints the pages found for each, best first.
"use strict";
const fs = require("fs"), vm = require("vm");

const [worker, file] = process.argv.slice(2);
const index = JSON.parse(fs.readFileSync(file, "utf8"));
const queries = JSON.parse(fs.readFileSync(0, "utf8"));
const answers = [];
let hear;   // what the worker does with a message

const SETUP = 0, READY = 1, QUERY = 2, RESULT = 3;   // the kinds of messages, as the worker numbers them
function ask() {
  if (answers.length < queries.length) hear({ data: { type: QUERY, data: queries[answers.length] } });
  else process.stdout.write(JSON.stringify(answers));
}
const world = {
  console: { ...console, warn: () => {} },
  addEventListener: (kind, listener) => { hear = listener; },
  postMessage: message => {
    if (message.type === RESULT) answers.push(message.data.items.map(found => found[0].location.split("#")[0]));
    ask();
  },
};
world.self = world.globalThis = world;
vm.runInNewContext(fs.readFileSync(worker, "utf8"), world);
hear({ data: { type: SETUP, data: { ...index, options: { suggest: false } } } });
