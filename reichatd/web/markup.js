// Parses the text of a message: bold, italic, strike, code, quotes, lists, links, mentions of people and of rooms; nothing else. Pure.
//
// CommonMark with these differences: what was written is shown, so line breaks, indentation and the numbers of lists stay, there are
// no escapes, and faces, formulas and paths are no markup. A quote or an item ends with its line, as people expect in a conversation.

import MarkdownIt from "./vendor/markdown-it.js";
import { addressAt, BEGINNING, webAddress } from "./addresses.js";

const RULES = ["fence", "blockquote", "list", "backticks", "strikethrough", "emphasis", "link"];
const DEEPEST_BLOCK = 6;
const MOST_RUNS = 1000; // of markers in a message; the rest is text, since each takes time
const LONGEST_NAME = 64; // of a person or a room, in characters

// How the first line begins, and what else it ends. Other dashes, stars and angle brackets are text, as in ">:(".
const BLOCKS = {
  fence: { pattern: /^```/, alt: ["paragraph", "blockquote", "list"] },
  blockquote: { pattern: /^>[ \t]+\S/, alt: ["paragraph", "blockquote", "list"] },
  list: { pattern: /^(?:[-*][ \t]+(?=.*[^-*\s])|\d{1,3}[.)][ \t]+\S)/, alt: ["paragraph", "blockquote"] },
};
const MARKERS = { strikethrough: /~/, emphasis: /[*_]/ };
const YEAR = /^\d{4}/; // is not the number of an item

const WORD = /(?![\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Hangul}\p{sc=Thai}\p{sc=Lao}\p{sc=Khmer}\p{sc=Myanmar}])[\p{L}\p{N}]/u;
const NO_OPENING_AFTER = /[#$%&+\-./;<=>@\\\]^|})¯]/; // as in -_-, ^_^, ¯\_(ツ)_/¯ and src/*.js
const SPECIAL = new RegExp(`[*_~\`[@#]|${BEGINNING}`, "gi");
const LINK = /\[([^[\]\n]+)\]\(([^\s<>()]*(?:\([^\s<>()]*\)[^\s<>()]*)*)\)/y;
const NAME = /^[\p{L}\p{M}\p{N}\u200c\u200d]+/u; // joiners are in some scripts

/**
 * The tokens of a text, as markdown-it makes them; their children are those of a line.
 *
 * people: ids by the name in lower case, of those whom the message mentions. roomName: gets the id of a room; returns its name,
 * or undefined if "#" and this id is no link.
 */
export const parsed = (text, { people, roomName }) => parser.parse(text, { people, roomName, runs: 0 });

const parser = makeParser();

function makeParser() {
  const parser = new MarkdownIt("zero", { maxNesting: 100 });
  const { block: { ruler: blocks }, inline: { ruler: inline } } = parser;
  for (const [name, { pattern, alt }] of Object.entries(BLOCKS)) blocks.at(name, beginning(pattern, libraryRule("block", name)), { alt });
  blocks.at("paragraph", paragraph);
  blocks.push("outside", (state, line, end, silent) => silent, { alt: ["blockquote"] }); // any line without ">" ends a quote
  blocks.push("year", (state, line, end, silent) => silent && YEAR.test(textOf(state, line)), { alt: ["list"] });
  for (const [name, markers] of Object.entries(MARKERS)) inline.at(name, run(markers, libraryRule("inline", name)));
  inline.at("text", plain);
  inline.at("link", link);
  inline.push("address", address);
  inline.push("name", name);
  parser.inline.State = class extends parser.inline.State {
    scanDelims(start, canSplitWord) {
      return limited(this.src, start, super.scanDelims(start, canSplitWord));
    }
  };
  return parser.enable(RULES);
}

function libraryRule(level, name) {
  const { ruler } = new MarkdownIt("zero")[level];
  ruler.enableOnly([name]);
  return ruler.getRules("")[0];
}

// --- blocks

/** A rule for blocks whose first line begins in this way, and that are not nested too deeply. */
function beginning(pattern, rule) {
  return (state, line, end, silent) => state.level < DEEPEST_BLOCK && pattern.test(textOf(state, line)) && rule(state, line, end, silent);
}

const textOf = (state, line) => state.src.slice(state.bMarks[line] + state.tShift[line], state.eMarks[line]);

/** Lines up to an empty one, with all their space. */
function paragraph(state, begin, end) {
  const interrupting = state.md.block.ruler.getRules("paragraph");
  const parentType = state.parentType;
  state.parentType = "paragraph";
  let next = begin + 1;
  for (; next < end && !state.isEmpty(next); next++) {
    if (state.sCount[next] < state.blkIndent) break; // outside of the item or the quote
    if (interrupting.some((rule) => rule(state, next, end, true))) break;
  }
  state.line = next;
  state.parentType = parentType;
  state.push("paragraph_open", "", 1).map = [begin, next];
  Object.assign(state.push("inline", "", 0), { content: state.getLines(begin, next, state.blkIndent, false), map: [begin, next], children: [] });
  state.push("paragraph_close", "", -1);
  return true;
}

// --- within a line

/** A rule for runs of these markers. Those that are only text cost less. */
function run(markers, rule) {
  return (state) => {
    const marker = state.src[state.pos];
    if (!markers.test(marker)) return false;
    const { can_open: opens, can_close: closes, length } = state.scanDelims(state.pos, marker !== "_");
    if ((opens || closes) && state.env.runs++ < MOST_RUNS) return rule(state, false);
    state.pending += marker.repeat(length);
    state.pos += length;
    return true;
  };
}

/** Whether a run of markers may open or close: not within a word or a number, nor in a face or a path; "__" is part of a name. */
function limited(text, start, run) {
  const before = characterBefore(text, start);
  const after = String.fromCodePoint(text.codePointAt(start + run.length) ?? 32);
  const isText = (WORD.test(before) && WORD.test(after)) || (text[start] === "_" && run.length > 1);
  return { ...run, can_open: run.can_open && !isText && !NO_OPENING_AFTER.test(before), can_close: run.can_close && !isText && before !== "\\" };
}

function characterBefore(text, position) {
  const last = text[position - 1] ?? " ";
  return last >= "\udc00" && last <= "\udfff" ? text.slice(Math.max(0, position - 2), position) : last;
}

/** Text up to the next character that may be special. */
function plain(state) {
  SPECIAL.lastIndex = state.pos;
  const end = Math.min(SPECIAL.exec(state.src)?.index ?? Infinity, state.posMax);
  if (end === state.pos) return false;
  state.pending += state.src.slice(state.pos, end);
  state.pos = end;
  return true;
}

/** [text](address). The library's rule takes quadratic time for many brackets. */
function link(state) {
  if (state.src[state.pos] !== "[" || state.linkLevel > 0) return false;
  LINK.lastIndex = state.pos;
  const [whole, text, url] = LINK.exec(state.src) ?? [];
  const href = whole && webAddress(url);
  if (!href) return false;
  pushLink(state, state.pos + whole.length, href, ["[", `](${url})`], () => {
    state.pos += 1;
    state.posMax = state.pos + text.length;
    state.md.inline.tokenize(state);
  });
  return true;
}

function address(state) {
  const found = /[hmw]/i.test(state.src[state.pos]) && state.linkLevel === 0 && addressAt(state.src, state.pos);
  if (!found) return false;
  const { text, href } = found;
  if (href === null) {
    state.pending += text; // at once: to look for addresses in it again would take quadratic time
    state.pos += text.length;
  } else pushLink(state, state.pos + text.length, href, ["", ""], () => (state.push("text", "", 0).content = text));
  return true;
}

/** A link up to this position; markup: what was written before and behind its text. */
function pushLink(state, end, href, [before, behind], pushText) {
  const { posMax } = state;
  Object.assign(state.push("link_open", "", 1), { attrs: [["href", href]], markup: before });
  state.linkLevel++;
  pushText();
  state.linkLevel--;
  state.push("link_close", "", -1).markup = behind;
  state.pos = end;
  state.posMax = posMax;
}

/** "@" and the name of a person who is mentioned, or "#" and the id of a room. */
function name(state) {
  const { src, pos, posMax, env } = state;
  if (!/[@#]/.test(src[pos]) || state.linkLevel > 0 || /[\p{L}\p{N}/&]/u.test(src[pos - 1] ?? "")) return false;
  const text = NAME.exec(src.slice(pos + 1, Math.min(posMax, pos + 1 + LONGEST_NAME)))?.[0];
  if (text === undefined) return false;
  const isPerson = src[pos] === "@";
  const found = isPerson ? env.people.get(text.toLowerCase()) : env.roomName(text);
  if (found === undefined) return false;
  Object.assign(state.push(isPerson ? "person" : "room", "", 0), { content: text, meta: found });
  state.pos += 1 + text.length;
  return true;
}
