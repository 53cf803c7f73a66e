// Finds people, rooms and emoji by the beginning of a word of their names. Pure.

/** Those with a name that is this text, begins with it, or of which a later word does: in this order, else in that of `all`. */
export function bestOf(all, text, namesOf) {
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

/** Without case, accents and punctuation. */
const folded = (text) => text.normalize("NFD").replace(/[\u0300-\u036f]/g, "").toLowerCase().replace(/[\p{P}\s]+/gu, " ").trim();
