// The buttons and keys that format the text of an input.

import { webAddress } from "./addresses.js";
import { h, iconButton } from "./dom.js";
import { insertLink, toggleCode, toggleMark, togglePrefix } from "./field-edits.js";
import { texts } from "./texts.js";

const IS_MAC = /Mac|iP(?:hone|ad)/.test(navigator.platform);

/** By name; `code` is that of the key, which is the same with Shift on all keyboards. */
const FORMATS = {
  bold: { code: "KeyB", act: (field) => toggleMark(field, "**") },
  italic: { code: "KeyI", act: (field) => toggleMark(field, "_") },
  strike: { code: "KeyX", shift: true, act: (field) => toggleMark(field, "~~") },
  code: { code: "KeyE", act: toggleCode },
  quote: { code: "Digit9", shift: true, act: (field) => togglePrefix(field, "> ") },
  list: { code: "Digit8", shift: true, act: (field) => togglePrefix(field, "- ") },
  link: { code: "KeyU", shift: true, act: (field) => insertLink(field, (text) => webAddress(text) !== null) },
};

/** The toolbar of an input: one stop of the tab key, within it the arrow keys. others: buttons behind those that format. */
export function toolbar(field, others) {
  const buttons = [...Object.entries(FORMATS).map(([name, format]) => formatButton(field, name, format)), ...others];
  const select = (chosen) => buttons.forEach((button) => (button.tabIndex = button === chosen ? 0 : -1));
  select(buttons[0]);
  const element = h("div", { class: "toolbar", role: "toolbar", "aria-label": texts.writing.formatting }, buttons);
  element.addEventListener("focusin", ({ target }) => select(target));
  element.addEventListener("pointerdown", (event) => event.preventDefault()); // the input keeps the focus
  element.addEventListener("keydown", (event) => {
    const index = buttons.indexOf(event.target);
    const next = { ArrowRight: index + 1, ArrowLeft: index - 1, Home: 0, End: -1 }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    buttons.at(next % buttons.length).focus();
  });
  return element;
}

/** Formats the input's text if the keys ask for it. Returns whether they do. */
export function formatByKeys(event) {
  const hasCommand = IS_MAC ? event.metaKey && !event.ctrlKey : event.ctrlKey && !event.metaKey;
  if (!hasCommand || event.altKey) return false;
  const format = Object.values(FORMATS).find(({ code, shift = false }) => code === codeOf(event) && shift === event.shiftKey);
  if (!format) return false;
  event.preventDefault();
  format.act(event.target);
  return true;
}

/** The code of a key; that of a letter by what is on the key, for other layouts than that of the USA. */
const codeOf = ({ key, code }) => (/^[a-z]$/i.test(key) ? `Key${key.toUpperCase()}` : code);

function formatButton(field, name, { code, shift, act }) {
  const label = texts.writing.formats[name];
  const key = code.at(-1);
  const keys = IS_MAC ? `${shift ? "⇧" : ""}⌘${key}` : `${texts.writing.control}+${shift ? `${texts.writing.shift}+` : ""}${key}`;
  return iconButton(name, label, () => field.disabled || act(field), {
    title: `${label} (${keys})`,
    "aria-keyshortcuts": `${IS_MAC ? "Meta" : "Control"}+${shift ? "Shift+" : ""}${key}`,
  });
}
