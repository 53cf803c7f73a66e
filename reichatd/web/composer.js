// Where one writes: it grows with the text, keeps the draft, and says how much too long it is.

import { announce, h, icon } from "./dom.js";

const PROCESSED_BY_IME = 229;

export class Composer {
  #draft;
  #about;
  #onsend;
  #mouse = matchMedia("(pointer: fine)");

  /**
   * draft: where its text is kept. about: what the server allows. onsend: called with what is to be sent.
   * signal: of an AbortController; ends it.
   */
  constructor({ draft, about, onsend, signal }) {
    this.#draft = draft;
    this.#about = about;
    this.#onsend = onsend;
    this.problem = h("p", { class: "problem", id: "composer-problem" });
    this.input = h("textarea", { id: "composer", rows: "1", dir: "auto", "aria-label": "Message", "aria-describedby": "composer-problem", placeholder: "Write a message" });
    this.element = h("form", { class: "composer", onsubmit: (event) => { event.preventDefault(); this.#send(); } },
      h("div", { class: "composer-box" }, this.input, h("button", { class: "send", "aria-label": "Send", title: "Send" }, icon("send"))),
      this.problem,
    );
    this.input.value = draft.text;
    this.input.addEventListener("input", () => this.#changed());
    this.input.addEventListener("keydown", (event) => this.#key(event));
    this.#hint();
    this.#mouse.addEventListener("change", () => this.#hint(), { signal });
    about.addEventListener("change", () => this.#check(), { signal });
    window.addEventListener("resize", () => this.fit(), { signal });
    window.addEventListener("storage", (event) => this.#elsewhere(event), { signal });
  }

  /** To be called when it is in the page, where it has a size. */
  shown() {
    this.fit();
    this.#check();
  }

  /** Makes it as high as its text, up to the most that the style allows. */
  fit() {
    this.input.style.height = "auto";
    this.input.style.height = `${this.input.scrollHeight}px`;
  }

  /** Gives a text back to be written on, before what is there. */
  putBack(text) {
    const rest = this.input.value;
    this.input.value = rest.trim() === "" ? text : `${text}\n\n${rest}`;
    this.#changed();
    this.input.focus();
    this.input.setSelectionRange(text.length, text.length);
  }

  #changed() {
    this.#draft.text = this.input.value;
    this.fit();
    this.#check();
  }

  /** Another tab has changed the draft, in which the person writes now. */
  #elsewhere(event) {
    const writesHere = document.hasFocus() && document.activeElement === this.input;
    if (!this.#draft.isIn(event) || writesHere) return;
    this.input.value = event.newValue ?? "";
    this.fit();
    this.#check();
  }

  #check() {
    const problem = this.#about.problemOf(asSent(this.input.value));
    if (problem && !this.problem.textContent) announce(problem); // once, and not with each key
    this.problem.textContent = problem;
    this.input.setAttribute("aria-invalid", String(problem !== ""));
  }

  /** What a phone's keyboard writes on its Enter key. */
  #hint() {
    this.input.setAttribute("enterkeyhint", this.#mouse.matches ? "send" : "enter");
  }

  #key(event) {
    // Safari tells of the Enter that ends a composition after the composition: only the key code shows what it was for.
    const composes = event.isComposing || event.keyCode === PROCESSED_BY_IME;
    if (event.key !== "Enter" || event.shiftKey || composes || !this.#mouse.matches) return;
    event.preventDefault();
    this.#send();
  }

  #send() {
    const content = asSent(this.input.value);
    if (content === "" || this.input.disabled) return;
    this.input.focus();
    if (this.problem.textContent) {
      announce(this.problem.textContent);
      this.#about.ask(); // perhaps more is allowed by now
      return;
    }
    this.input.value = "";
    this.fit();
    this.#onsend(content);
    this.#changed(); // the draft goes when the message is kept
  }
}

/**
 * A text as it is sent, and as the server stores it: without leading blank lines and trailing space; the first of several lines keeps
 * its indentation. Half a surrogate pair, which JSON can spell and UTF-8 cannot, becomes U+FFFD.
 */
function asSent(text) {
  const lines = text.replace(/^(?:[^\S\n]*\n)+/, "").trimEnd();
  return (lines.includes("\n") ? lines : lines.trimStart()).replace(/\p{Surrogate}/gu, "\ufffd");
}
