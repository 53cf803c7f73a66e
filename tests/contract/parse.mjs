// Reads an AsyncAPI document on standard input; writes what AsyncAPI's own parser has to say about it, as JSON.
import { readFileSync } from "node:fs";
import { Parser } from "@asyncapi/parser";

const { document, diagnostics } = await new Parser().parse(readFileSync(0, "utf8"));
const found = diagnostics.map(({ code, message, path }) => ({ code, message, path: path.join(".") }));
console.log(JSON.stringify({ valid: document !== undefined, diagnostics: found }));
