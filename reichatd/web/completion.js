// Suggestions below the caret's word: people after "@", rooms after "#", emoji after ":". The focus stays in the input.

import { announce, h } from "./dom.js";
import { replaceText } from "./field-edits.js";
import { texts } from "./texts.js";

const MOST = 8;
const LONGEST = 40; // characters before the caret
const BEFORE = "(?:^|[\\s(\\[{\"'*_~>])";
const LETTERS = "[\\p{L}\\p{M}\\p{N}_+-]";
const WORD = new RegExp(`${BEFORE}([@#:])(${LETTERS}*)$`, "u");
const CLOSED = new RegExp(`${BEFORE}:(${LETTERS}+):$`, "u"); // as in :tada:
const ID = "completions";
const COMBOBOX = { role: "combobox", "aria-expanded": "true", "aria-controls": ID, "aria-autocomplete": "list" };

export class Completion {
  #field;
  #sources;
  #word = null; // {source, start, query}: what the suggestions are for; null if there are none
  #options = [];
  #active = 0;
  #asked = 0; // the number of the last question: answers to earlier ones are ignored

  /**
   * sources: by the character that begins a word: {label, shortest, find}. find: gets the letters behind it; returns the best
   * suggestions, or a promise: {text: to put into the input, nodes: to show, onchoose?}. That of ":" also has exact: gets the name
   * between two colons; returns a promise of the text in its place, or of undefined.
   * signal: of an AbortController; removes the listeners.
   */
  constructor(field, sources, signal) {
    this.#field = field;
    this.#sources = sources;
    this.element = h("ul", { class: "completions", role: "listbox", id: ID, hidden: true });
    this.element.addEventListener("pointerdown", (event) => event.preventDefault()); // the input keeps the focus
    field.addEventListener("input", ({ inputType = "" }) => (inputType.startsWith("history") ? this.#close() : this.#ask()));
    field.addEventListener("blur", () => this.#close());
    document.addEventListener("selectionchange", () => this.#caretMoved(), { signal });
  }

  /** Handles a key that is for the suggestions. Returns whether it is. */
  handleKey(event) {
    if (this.#word === null || event.ctrlKey || event.metaKey || event.altKey) return false;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) this.#activate((this.#active + step + this.#options.length) % this.#options.length);
    else if ((event.key === "Enter" || event.key === "Tab") && !event.shiftKey && !this.#isComplete) this.#choose(this.#active);
    else if (event.key === "Escape") this.#close();
    else return false;
    event.preventDefault();
    return true;
  }

  /** Whether the word is the suggestion, so that Enter sends it. */
  get #isComplete() {
    const { start, query } = this.#word;
    return this.#field.value.slice(start, start + 1 + query.length).toLowerCase() === this.#options[this.#active].text.toLowerCase();
  }

  async #ask() {
    const number = ++this.#asked;
    const word = this.#wordAtCaret();
    let options = [];
    try {
      if (word) options = await word.source.find(word.query);
      else await this.#replaceClosed(number);
    } catch {
      // no connection
    }
    if (number !== this.#asked) return;
    if (options.length === 0 || document.activeElement !== this.#field) this.#close();
    else this.#show(word, options.slice(0, MOST));
  }

  /** Replaces a name between two colons at once. */
  async #replaceClosed(number) {
    const [, name] = CLOSED.exec(this.#textAtCaret) ?? [];
    const text = name && (await this.#sources[":"].exact(name));
    if (!text || number !== this.#asked) return;
    const end = this.#field.selectionStart;
    replaceText(this.#field, end - name.length - 2, end, text);
  }

  get #textAtCaret() {
    const { value, selectionStart: start, selectionEnd: end } = this.#field;
    return start === end ? value.slice(Math.max(0, end - LONGEST), end) : "";
  }

  #wordAtCaret() {
    const end = this.#field.selectionStart;
    const found = WORD.exec(this.#textAtCaret);
    if (!found) return null;
    const [, marker, query] = found;
    const source = this.#sources[marker];
    return source && query.length >= source.shortest ? { source, query, start: end - query.length - 1 } : null;
  }

  #caretMoved() {
    if (this.#word === null || document.activeElement !== this.#field) return;
    const word = this.#wordAtCaret();
    if (word?.start !== this.#word.start || word.query !== this.#word.query) this.#close();
  }

  #show(word, options) {
    const isNew = this.#word === null;
    this.#word = word;
    this.#options = options;
    this.element.setAttribute("aria-label", word.source.label);
    this.element.replaceChildren(...options.map(({ nodes }, index) => h("li", { role: "option", id: `${ID}-${index}`, onclick: () => this.#choose(index) }, nodes)));
    this.element.hidden = false;
    for (const [name, value] of Object.entries(COMBOBOX)) this.#field.setAttribute(name, value);
    this.#activate(0);
    if (isNew) announce(texts.writing.suggestions(options.length));
  }

  #activate(index) {
    this.#active = index;
    for (const [place, option] of [...this.element.children].entries()) option.setAttribute("aria-selected", String(place === index));
    this.#field.setAttribute("aria-activedescendant", `${ID}-${index}`);
  }

  #choose(index) {
    const { start, query } = this.#word;
    const { text, onchoose } = this.#options[index];
    const end = start + 1 + query.length;
    const hasSpace = /\s/.test(this.#field.value[end] ?? "");
    this.#close();
    onchoose?.();
    replaceText(this.#field, start, end, hasSpace ? text : `${text} `);
  }

  #close() {
    this.#asked++;
    if (this.#word === null) return;
    this.#word = null;
    this.element.hidden = true;
    for (const name of [...Object.keys(COMBOBOX), "aria-activedescendant"]) this.#field.removeAttribute(name);
  }
}
