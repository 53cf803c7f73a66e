// A value that this browser keeps, the same in all tabs.

import { storage } from "./storage.js";

/** Fires "change" when the value has changed, here or in another tab. The value is JSON, and is never changed in place. */
export class Stored extends EventTarget {
  #key;
  #fallback;
  #text = null; // what was kept when `#value` was read
  #value;

  /** fallback: the value as long as none is kept, or if what is kept is damaged. */
  constructor(key, fallback) {
    super();
    this.#key = key;
    this.#fallback = this.#value = fallback;
    window.addEventListener("storage", this.#storageChanged);
  }

  get value() {
    const text = storage.get(this.#key);
    if (text !== this.#text) {
      this.#text = text;
      this.#value = { ...this.#fallback, ...parsed(text) };
    }
    return this.#value;
  }

  /** Changes these fields. The others are read first: another tab may have changed them. */
  update(fields) {
    storage.set(this.#key, JSON.stringify({ ...this.value, ...fields }));
    this.dispatchEvent(new Event("change"));
  }

  close() {
    window.removeEventListener("storage", this.#storageChanged);
  }

  #storageChanged = ({ key }) => {
    if (key === this.#key || key === null) this.dispatchEvent(new Event("change")); // null: all keys were removed
  };
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
