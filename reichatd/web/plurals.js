// Numbers with nouns, by the rules of a language.

/**
 * Makes the function that counts in a language: counted(2, { one: "member", other: "members" }) gives "2 members". A form that is left
 * out, such as "many" in French, is the same as "other".
 */
export function countingIn(language) {
  const rules = new Intl.PluralRules(language);
  const numbers = new Intl.NumberFormat(language);
  return (count, forms) => `${numbers.format(count)} ${forms[rules.select(count)] ?? forms.other}`;
}
