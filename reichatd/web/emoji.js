// The emoji and their names in the language of the interface, and those that the user has chosen last.

import { bestOf } from "./search.js";
import { storage } from "./storage.js";
import { language, texts } from "./texts.js";
import { storageKey } from "./urls.js";

const RECENT_KEY = storageKey("reichatd.emoji");
const MOST_RECENT = 24;

let groups = null; // a promise

/** The groups of emoji: [[group, [{emoji, name, names}, …]], …]. Fetched at the first call. Rejects if they cannot be fetched. */
export function emojiGroups() {
  groups ??= fetched();
  groups.catch(() => (groups = null));
  return groups;
}

/** The emoji with these words in a name, the best first. Rejects as `emojiGroups`. */
export async function findEmoji(words) {
  const all = (await emojiGroups()).flatMap(([, list]) => list);
  return bestOf(all, words, ({ names }) => names);
}

/** The emoji that were chosen last, the newest first. */
export function recentEmoji() {
  try {
    return JSON.parse(storage.get(RECENT_KEY) ?? "[]").filter((each) => typeof each === "string");
  } catch {
    return []; // another program has written there
  }
}

/** Remembers that an emoji was chosen. */
export function rememberEmoji(emoji) {
  storage.set(RECENT_KEY, JSON.stringify([emoji, ...recentEmoji().filter((each) => each !== emoji)].slice(0, MOST_RECENT)));
}

/** A source of `Completion`: emoji by name, and by ":name:" at once. */
export const emojiSource = {
  get label() {
    return texts.emoji.title;
  },
  shortest: 2,
  async find(query) {
    return (await findEmoji(query)).map((each) => ({ text: each.emoji, nodes: [each.emoji, each.name], onchoose: () => rememberEmoji(each.emoji) }));
  },
  async exact(name) {
    const [best] = await findEmoji(name);
    const words = name.replaceAll("_", " ").toLowerCase();
    return best?.names.some((each) => each.toLowerCase() === words) ? best.emoji : undefined;
  },
};

async function fetched() {
  const response = await fetch(new URL(`emoji/${language}.json`, import.meta.url));
  if (!response.ok) throw new Error(response.statusText);
  const found = Object.entries(await response.json());
  return found.map(([group, list]) => [group, list.map(([emoji, ...names]) => ({ emoji, name: names[0], names }))]);
}
