// The text of a message as nodes: an element for each mark-up in the list below, and text for all else.

import { webAddress } from "./addresses.js";
import { h, iconButton } from "./dom.js";
import { parsed } from "./markup.js";
import { texts } from "./texts.js";
import { copyAndTell } from "./toast.js";

const DEEPEST = 12; // elements one in another
const MOST_ELEMENTS = 500; // in a message; the rest is shown as text, so that thousands of marks do not stop the page
const MARKS = /^[\s\p{Cc}\p{Cf}!-/:-@[-`{-~]*$/u; // as in *_* and **: nothing to put in bold
const INVISIBLE = /^[\s\p{Cc}\p{Cf}\p{M}]*$/u;
const OPENABLE = /^(?:https?|mailto):/;
const AN_ADDRESS = /:\/\/|\w\.[a-z]{2}/i;

const ELEMENTS = {
  strong: () => h("strong"),
  em: () => h("em"),
  s: () => h("s"),
  link: linkElement,
  blockquote: () => h("blockquote"),
  bullet_list: () => h("ul"),
  ordered_list: ({ markup }) => h("ol", { class: markup === ")" && "parenthesis" }),
  list_item: ({ info }) => h("li", { value: info && Number(info) }),
};
const TEXT_MARKS = ["strong", "em", "s"];

/**
 * The nodes of a message's text.
 *
 * people: [{userId, name}], whom the message mentions: "@name" is a button. me: the id of the user, whose mentions look different.
 * onperson: gets the id of the person whose mention is clicked. roomName: gets the id of a room; returns its name if "#" and the id
 * shall be a link.
 */
export function messageText(text, { people = [], me = null, onperson = () => {}, roomName = () => undefined } = {}) {
  const ids = new Map(people.map(({ userId, name }) => [name.toLowerCase(), userId]));
  return new Builder({ me, onperson }).build(parsed(text, { people: ids, roomName }));
}

class Builder {
  #open = [{ node: document.createDocumentFragment() }]; // the elements around the next node; those without a node are shown as text
  #text = ""; // is not in a node yet
  #elements = 0;
  #options;

  constructor(options) {
    this.#options = options;
  }

  build(tokens) {
    const last = tokens.findLastIndex(({ nesting }) => nesting === 0);
    for (const [index, token] of tokens.entries()) {
      if (token.type === "inline") {
        this.#addLine(token.children);
        if (index < last) this.#endLine(token, tokens[index + 2]);
      } else this.#add(token);
    }
    this.#flush();
    return [...this.#open[0].node.childNodes];
  }

  /** Line breaks, as many as were written between two paragraphs. At the end of a block it shows nothing, but a copy of the text has it. */
  #endLine({ map: [, end] }, next) {
    this.#text += "\n".repeat(next.type === "paragraph_open" ? next.map[0] - end + 1 : 1);
  }

  #addLine(tokens) {
    const empty = marksAround(tokens);
    for (const token of tokens) this.#add(token, empty.has(token));
  }

  #add(token, isEmpty = false) {
    const { type, nesting, content, meta } = token;
    if (nesting > 0) this.#begin(token, isEmpty);
    else if (nesting < 0) this.#end(token);
    else if (type === "text") this.#text += content;
    else if (type === "code_inline") this.#append(() => h("code", {}, content)) || (this.#text += content);
    else if (type === "fence") (content.trim() && this.#append(() => codeBlock(token), 6)) || (this.#text += `${token.markup}${token.info}\n${content}`);
    else if (type === "person") this.#append(() => this.#person(content, meta)) || (this.#text += `@${content}`);
    else if (type === "room") this.#append(() => roomLink(content, meta), 2) || (this.#text += `#${content}`);
  }

  #begin(token, isEmpty) {
    const kind = token.type.slice(0, -"_open".length);
    const make = ELEMENTS[kind];
    const node = make && !isEmpty && this.#open.length < DEEPEST && this.#append(() => make(token));
    if (!node) this.#text += token.markup;
    this.#open.push({ kind, node });
  }

  #end({ markup }) {
    const { kind, node } = this.#open.at(-1);
    if (node) this.#flush();
    else this.#text += markup;
    this.#open.pop();
    if (node && kind === "link" && markup) showAddress(node);
  }

  /** Adds the element that this makes, and returns it; null if the message has too many elements, or the function makes none. */
  #append(make, count = 1) {
    if (this.#elements + count > MOST_ELEMENTS) return null;
    const node = make();
    if (!node) return null;
    this.#elements += count;
    this.#flush();
    this.#around.append(node);
    return node;
  }

  #flush() {
    if (this.#text !== "") this.#around.append(this.#text);
    this.#text = "";
  }

  /** The element for the next node. */
  get #around() {
    return this.#open.findLast(({ node }) => node).node;
  }

  #person(name, userId) {
    const isMe = userId === this.#options.me;
    return h("button", { type: "button", class: "mention", tabindex: "-1", "data-me": isMe, onclick: () => this.#options.onperson(userId) }, `@${name}`);
  }
}

/** The tokens that open bold, italic or strike around nothing but marks, as in *_*. */
function marksAround(tokens) {
  const found = new Set();
  const open = [];
  for (const token of tokens) {
    if (token.nesting > 0) open.push(TEXT_MARKS.includes(token.tag) ? token : null);
    else if (token.nesting < 0) {
      const token = open.pop();
      if (token) found.add(token);
    } else if (token.type !== "text" || !MARKS.test(token.content)) open.fill(null);
  }
  return found;
}

const roomLink = (roomId, name) => h("a", { class: "mention", href: `#/room/${encodeURIComponent(roomId)}` }, "#", h("bdi", {}, name));

function linkElement({ attrs: [[, href]] }) {
  return OPENABLE.test(href) && h("a", { href, target: "_blank", rel: "noopener noreferrer nofollow" });
}

/** Shows where a link with a text leads, also if the text looks like another address, or is invisible. */
function showAddress(link) {
  const { href, hostname, pathname, textContent: text } = link;
  link.title = href;
  if (INVISIBLE.test(text)) link.replaceChildren(href);
  else if (AN_ADDRESS.test(text) && webAddress(text) !== href) link.append(h("bdi", {}, ` (${hostname || pathname})`));
}

function codeBlock({ info, content }) {
  const code = content.replace(/\n$/, "");
  const language = info.trim();
  return h("div", { class: "code-block" },
    language && h("span", { class: "code-language" }, language),
    iconButton("copy", texts.conversation.copyCode, () => copyAndTell(code), { tabindex: "-1" }),
    h("pre", {}, h("code", {}, `${code}\n`)),
  );
}
