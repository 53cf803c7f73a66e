// The languages of the interface, and how one is chosen. Pure.

/** By code, each with its name in itself. */
export const LANGUAGES = { en: "English", de: "Deutsch", fr: "Français" };

const DEFAULT = "en";

/**
 * The language to show.
 *
 * chosen: the user's choice, "" if there is none; preferred: the browser's languages, the best one first.
 */
export function languageFor(chosen, preferred) {
  return [chosen, ...preferred.map(languageOf)].find((language) => Object.hasOwn(LANGUAGES, language)) ?? DEFAULT;
}

/**
 * The locale for dates and times: the browser's variant of the language, such as "en-GB". If the browser has none, it is the language
 * if the user has chosen it, else the browser's own locale.
 */
export function localeFor(chosen, preferred) {
  const language = languageFor(chosen, preferred);
  return preferred.find((locale) => languageOf(locale) === language) ?? (chosen === language ? language : preferred[0] ?? language);
}

const languageOf = (locale) => locale.split("-")[0].toLowerCase();
