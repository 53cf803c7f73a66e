// Turns the web addresses in a message into links.

import { h } from "./dom.js";

const ADDRESS = /\bhttps?:\/\/[^\s<>"'`\u0000-\u001f\u007f\u200e\u200f\u202a-\u202e\u2066-\u2069]+/gi;
const BRACKETS = { ")": "(", "]": "[", "}": "{" };

/** The parts of a text, in order: strings, and {text, href} for addresses. Pure. */
export function parts(text) {
  const found = [];
  let position = 0;
  for (const match of text.matchAll(ADDRESS)) {
    const address = withoutTail(match[0]);
    const href = webAddress(address);
    if (href === null) continue;
    if (match.index > position) found.push(text.slice(position, match.index));
    found.push({ text: address, href });
    position = match.index + address.length;
  }
  if (position < text.length) found.push(text.slice(position));
  return found;
}

/** The text as nodes. */
export function linkify(text) {
  return parts(text).map((part) =>
    typeof part === "string"
      ? part
      : h("a", { href: part.href, target: "_blank", rel: "noopener noreferrer nofollow" }, part.text),
  );
}

/** An address without the punctuation that follows it in the sentence. A closing bracket stays if the address has the opening one. */
function withoutTail(address) {
  for (;;) {
    const last = address.at(-1);
    const opening = BRACKETS[last];
    const closes = opening !== undefined && address.split(last).length > address.split(opening).length;
    if (!closes && !/[.,;:!?*_~…]/.test(last)) return address;
    address = address.slice(0, -1);
  }
}

function webAddress(text) {
  const url = URL.parse ? URL.parse(text) : parsed(text);
  return url && /^https?:$/.test(url.protocol) && url.hostname ? url.href : null;
}

function parsed(text) {
  try {
    return new URL(text);
  } catch {
    return null;
  }
}
