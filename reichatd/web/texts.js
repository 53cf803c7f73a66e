// The texts of the interface in the user's language. Each language is one file in texts/, and only the one that is used is fetched.

import { languageFor, localeFor } from "./languages.js";
import { storage } from "./storage.js";
import { storageKey } from "./urls.js";

const CHOICE_KEY = storageKey("reichatd.language");
const FILES = { en: () => import("./texts/en.js"), de: () => import("./texts/de.js"), fr: () => import("./texts/fr.js") };

/** The language that the user has chosen; "" for the browser's. */
export const chosenLanguage = storage.get(CHOICE_KEY) ?? "";

/** The language of the texts: a key of LANGUAGES. */
export let language = languageFor(chosenLanguage, navigator.languages);

/** The locale for dates and times. */
export const locale = localeFor(chosenLanguage, navigator.languages);

/** The texts, grouped by screen; all languages have the same keys. */
export let texts = null;

/** Fetches the texts; in English if those of the language cannot be fetched. */
export async function loadTexts() {
  try {
    ({ texts } = await FILES[language]());
  } catch {
    language = "en";
    ({ texts } = await FILES.en());
  }
  document.documentElement.lang = language;
}

/** Shows the interface in another language; "" for the browser's. Loads the page again. */
export function chooseLanguage(code) {
  if (code === "") storage.remove(CHOICE_KEY);
  else storage.set(CHOICE_KEY, code);
  location.reload();
}

/** Texts or nodes as a list in the user's language: "Ada, Bob and Carol", as children of an element. */
export function listed(items) {
  const parts = new Intl.ListFormat(language, { type: "conjunction" }).formatToParts(items.map(String));
  let index = 0;
  return parts.map(({ type, value }) => (type === "element" ? items[index++] : value));
}

/** What the server says in an error, in the user's language if its code is known. */
export const refusalText = ({ code, message }) => texts.refusals[code] ?? message;

/** What is wrong with a field, in the user's language if the server's sentence is known, whatever its numbers are, or the field. */
export function fieldProblemText({ field, problem }) {
  const { [problem.replace(NUMBERS, "#")]: known, [field]: ofField } = texts.fieldProblems;
  return (known ?? ofField)?.(...(problem.match(NUMBERS) ?? [])) ?? problem;
}

const NUMBERS = /\d[\d,]*/g;
