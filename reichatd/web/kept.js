// What outlives the page: texts by key, in localStorage. A browser may refuse it (with cookies blocked even reading the property
// throws) or have no room left. Then memory keeps the text until the page is closed, and `trouble` says so.

/** Fires "change" when `trouble` has changed. Other tabs' changes come as the window's "storage" events. */
class Kept extends EventTarget {
  #store = opened("localStorage");
  #memory = new Map(); // what localStorage did not take

  /** Why something is in memory only: "blocked" or "full"; "" if everything is kept. */
  get trouble() {
    return this.#store === null ? "blocked" : this.#memory.size > 0 ? "full" : "";
  }

  /** The text under this key; null if there is none. */
  get(key) {
    return this.#memory.get(key) ?? this.#store?.getItem(key) ?? null;
  }

  set(key, text) {
    this.#change(() => {
      try {
        this.#store.setItem(key, text);
        this.#memory.delete(key);
      } catch {
        this.#memory.set(key, text); // there is no store, or no room in it
      }
    });
  }

  remove(key) {
    this.#change(() => {
      this.#memory.delete(key);
      this.#store?.removeItem(key);
    });
  }

  /** The keys that begin with this. */
  keys(prefix) {
    return [...new Set([...Object.keys(this.#store ?? {}), ...this.#memory.keys()])].filter((key) => key.startsWith(prefix));
  }

  /** Whether anything under a key that begins with this ends with the page. */
  isInMemory(prefix) {
    return [...this.#memory.keys()].some((key) => key.startsWith(prefix));
  }

  /** Takes away and returns what an earlier version kept under this key in sessionStorage; null if there is nothing. */
  takeOld(key) {
    const store = opened("sessionStorage");
    const text = store?.getItem(key) ?? null;
    if (text !== null) store.removeItem(key);
    return text;
  }

  #change(act) {
    const before = this.trouble;
    act();
    if (this.trouble !== before) this.dispatchEvent(new Event("change"));
  }
}

function opened(name) {
  try {
    return window[name];
  } catch {
    return null;
  }
}

export const kept = new Kept();
