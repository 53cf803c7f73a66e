// Finds the web and mail addresses in a text. Pure.

/** What may be the beginning of an address: for a search, without regard to case. */
export const BEGINNING = "https?:\\/\\/|www\\.|mailto:";

const BRACKETS = { ")": "(", "]": "[", "}": "{" };
// Not in an address: space, quotes, angle brackets, controls of direction and invisible ones, and the punctuation of text without spaces.
const NOT_IN_IT = "\\s<>\"'`\\p{Cc}\\u200b\\u200e\\u200f\\u202a-\\u202e\\u2060-\\u2069\\ufeff、。「」『』【】《》（），：；！？";
const NOT_IN_HOST = `${NOT_IN_IT}()\\[\\]{}/?#`;
const ADDRESS = new RegExp(`(?:${BEGINNING})(?:\\[[\\da-f:.]+\\])?[^${NOT_IN_HOST}]*(?:[/?#][^${NOT_IN_IT}]*)?`, "iuy");
const BEGINS = new RegExp(`^(?:${BEGINNING})`, "i");
const HOST = /^www\.[^./?#]+\.[^./?#]/i;
const MAIL = /^mailto:[^@]+@[^@?]+/i;

/** The address that begins at this position of a text: {text, href}; href is null if no browser can open it. Null if there is none. */
export function addressAt(text, position) {
  const isBareHost = /w/i.test(text[position]);
  if ((isBareHost ? /[\w@./-]/ : /\w/).test(text[position - 1] ?? "")) return null; // the end of another word
  ADDRESS.lastIndex = position;
  const address = withoutTail(ADDRESS.exec(text)?.[0] ?? "");
  return address === "" ? null : { text: address, href: webAddress(address) };
}

/** The URL of an address that a browser may open: http, https, mailto, or a host that begins with "www."; null for all others. */
export function webAddress(address) {
  if (!BEGINS.test(address) || (/^mailto:/i.test(address) && !MAIL.test(address))) return null;
  return parsed(HOST.test(address) ? `https://${address}` : address)?.href ?? null;
}

/** An address without the punctuation that follows it in the sentence. A closing bracket stays if the address has the opening one. */
function withoutTail(address) {
  const count = (bracket) => address.split(bracket).length - 1;
  const excess = Object.fromEntries(Object.entries(BRACKETS).map(([closing, opening]) => [closing, count(closing) - count(opening)]));
  let end = address.length;
  for (; end > 0; end--) {
    const last = address[end - 1];
    if (excess[last] > 0) excess[last]--;
    else if (!/[.,;:!?*_~…|]/.test(last)) break;
  }
  return address.slice(0, end);
}

function parsed(text) {
  if (URL.parse) return URL.parse(text); // an exception takes much longer
  try {
    return new URL(text);
  } catch {
    return null;
  }
}
