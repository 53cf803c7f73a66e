// Texts by key, in localStorage. A browser may refuse access (with cookies blocked, even reading the property throws) or be out of
// space. Then memory keeps the text until the page is closed, and `problem` says so.

/** Fires "change" when `problem` has changed. Changes by other tabs arrive as the window's "storage" events. */
class PageStorage extends EventTarget {
  #store = browserStorage("localStorage");
  #memory = new Map(); // texts that localStorage refused

  /** Why texts are in memory only: "blocked" or "full"; "" if all are in localStorage. */
  get problem() {
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
        this.#memory.set(key, text); // no localStorage, or no space left
      }
    });
  }

  remove(key) {
    this.#change(() => {
      this.#memory.delete(key);
      this.#store?.removeItem(key);
    });
  }

  /** The keys with this prefix. */
  keys(prefix) {
    return [...new Set([...Object.keys(this.#store ?? {}), ...this.#memory.keys()])].filter((key) => key.startsWith(prefix));
  }

  /** Whether a text under a key with this prefix is lost when the page is closed. */
  isInMemory(prefix) {
    return [...this.#memory.keys()].some((key) => key.startsWith(prefix));
  }

  /** Keeps a text for this tab in sessionStorage, if the browser allows it. */
  keepInSession(key, text) {
    try {
      browserStorage("sessionStorage")?.setItem(key, text);
    } catch {
      // no space left
    }
  }

  /** Removes and returns a text of sessionStorage; null if there is none. */
  takeFromSession(key) {
    const store = browserStorage("sessionStorage");
    const text = store?.getItem(key) ?? null;
    if (text !== null) store.removeItem(key);
    return text;
  }

  #change(act) {
    const before = this.problem;
    act();
    if (this.problem !== before) this.dispatchEvent(new Event("change"));
  }
}

function browserStorage(name) {
  try {
    return window[name];
  } catch {
    return null;
  }
}

export const storage = new PageStorage();
