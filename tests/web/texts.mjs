// Prints, as JSON, what test_texts.py checks: the texts of all languages with sample values, counted nouns, and chosen languages.

import { pathToFileURL } from "node:url";

const load = (name) => import(pathToFileURL(`${process.argv[2]}/${name}.js`));
const { LANGUAGES, languageFor, localeFor } = await load("languages");
const { countingIn } = await load("plurals");

const NUMBERS = ["count", "excess", "least", "most", "shown", "status"];

/** A value for a parameter of this name, and the text by which it is found again. */
function sample(name, position) {
  if (NUMBERS.includes(name)) return [position + 2, String(position + 2)];
  if (["create", "find"].includes(name)) return [(text) => `<${name}:${text}>`, `<${name}:`];
  return [`<${name}>`, `<${name}>`];
}

/** One entry for each text: [key, {parameters, used, text}]. */
function flat(texts, path = "") {
  return Object.entries(texts).flatMap(([key, text]) => {
    if (typeof text === "object") return flat(text, `${path}${key}.`);
    if (typeof text === "string") return [[path + key, { parameters: [], used: [], text }]];
    const parameters = /^\(?([^)=]*)\)? =>/.exec(text.toString())[1].split(",").map((name) => name.trim()).filter(Boolean);
    const samples = parameters.map(sample);
    const shown = [text(...samples.map(([value]) => value))].flat(Infinity).join("");
    return [[path + key, { parameters, used: parameters.filter((_, i) => shown.includes(samples[i][1])), text: shown }]];
  });
}

const languages = {};
for (const code of Object.keys(LANGUAGES)) languages[code] = Object.fromEntries(flat((await load(`texts/${code}`)).texts));

const member = { en: { one: "member", other: "members" }, de: { one: "Mitglied", other: "Mitglieder" }, fr: { one: "membre", other: "membres" } };
const counted = Object.fromEntries(Object.entries(member).map(([code, forms]) => [code, [0, 1, 2, 1_000_000].map((count) => countingIn(code)(count, forms))]));

const browsers = [["", ["de-CH", "en"]], ["", ["sv", "fr-CA"]], ["", ["ko-KR"]], ["en", ["ko-KR"]], ["fr", ["en-GB"]], ["xx", ["en-GB"]], ["", []]];
const chosen = browsers.map((each) => [languageFor(...each), localeFor(...each)]);

console.log(JSON.stringify({ languages, counted, chosen }));
