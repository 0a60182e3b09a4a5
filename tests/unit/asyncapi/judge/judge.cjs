// Reads a list of AsyncAPI documents from standard input, and prints what the official parser says of each.
const { readFileSync } = require("fs");
const { join } = require("path");
const { Parser } = require(join(process.argv[2], "node_modules", "@asyncapi", "parser"));

async function judged(text) {
  const { document, diagnostics } = await new Parser().parse(text);
  return { understood: document !== undefined, diagnostics };
}

const documents = JSON.parse(readFileSync(0, "utf8")).map((each) => JSON.stringify(each));
Promise.all(documents.map(judged)).then((said) => console.log(JSON.stringify(said)));
