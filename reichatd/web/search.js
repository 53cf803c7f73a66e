// Finds people, rooms and emoji by letters of their names. Pure.

/** Those with a name that is this text, begins with it, or of which a later word does: in this order, else in that of `all`. */
export const bestOf = (all, text, namesOf) => ranked(all, text, namesOf, rankOf);

/** Behind these, also those with a name that has this text, or its letters in this order. */
export const fuzzyBestOf = (all, text, namesOf) => ranked(all, text, namesOf, fuzzyRankOf);

function ranked(all, text, namesOf, rankOf) {
  const wanted = folded(text);
  return all
    .map((each) => ({ each, rank: Math.min(...namesOf(each).map((name) => rankOf(folded(name), wanted))) }))
    .filter(({ rank }) => rank < Infinity)
    .sort((one, other) => one.rank - other.rank)
    .map(({ each }) => each);
}

function rankOf(name, wanted) {
  if (name === wanted) return 0;
  if (name.startsWith(wanted)) return 1;
  return name.includes(` ${wanted}`) ? 2 : Infinity;
}

function fuzzyRankOf(name, wanted) {
  const rank = rankOf(name, wanted);
  if (rank < Infinity) return rank;
  return name.includes(wanted) ? 3 : hasLetters(name, wanted.replaceAll(" ", "")) ? 4 : Infinity;
}

function hasLetters(name, letters) {
  let place = 0;
  for (const letter of letters) {
    place = name.indexOf(letter, place) + 1;
    if (place === 0) return false;
  }
  return true;
}

const LIGATURES = { œ: "oe", æ: "ae", ß: "ss" };

/** Without case, accents, ligatures and punctuation. */
const folded = (text) => text.normalize("NFD").replace(/[\u0300-\u036f]/g, "").toLowerCase().replace(/[œæß]/g, (each) => LIGATURES[each]).replace(/[\p{P}\s]+/gu, " ").trim();
