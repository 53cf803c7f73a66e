// The message input: it grows with the text, saves the draft, formats and suggests, and shows by how much a message is too long.

import { Completion } from "./completion.js";
import { contextStrip } from "./composer-context.js";
import { announce, h, icon, iconButton } from "./dom.js";
import { emojiSource } from "./emoji.js";
import { pickEmoji } from "./emoji-picker.js";
import { replaceText } from "./field-edits.js";
import { texts } from "./texts.js";
import { formatByKeys, toolbar } from "./toolbar.js";

const PROCESSED_BY_IME = 229;
const LATE_MS = 1_000; // an edit that takes longer says that it waits: there may be no connection

export class Composer {
  #draft;
  #serverInfo;
  #onsend;
  #onedit;
  #oninput;
  #context = null; // what the input is for, if not for a new message: see `begin`
  #strip = h("div", {});
  #isSaving = false;
  #completion;
  #finePointer = matchMedia("(pointer: fine)");

  /**
   * draft: saves the text. serverInfo: knows the limits. onsend: called with the text of a message, and with the id of the
   * message that it answers, if any. onedit: called when the user wants to edit the last message. oninput: called while the user writes
   * a message. people, rooms: sources of `Completion`.
   * signal: of an AbortController; removes the listeners.
   */
  constructor({ draft, serverInfo, onsend, onedit, oninput, people, rooms, signal }) {
    this.#draft = draft;
    this.#serverInfo = serverInfo;
    this.#onsend = onsend;
    this.#onedit = onedit;
    this.#oninput = oninput;
    this.problem = h("p", { class: "problem", id: "composer-problem" });
    this.input = h("textarea", { id: "composer", rows: "1", dir: "auto", "aria-label": texts.writing.label, "aria-describedby": "composer-problem", placeholder: texts.writing.placeholder });
    this.#completion = new Completion(this.input, { "@": people, "#": rooms, ":": emojiSource }, signal);
    this.formats = iconButton("formats", texts.writing.formatting, () => this.#toggleFormats(), { class: "icon-button formats only-narrow", "aria-expanded": "false" });
    this.box = h("div", { class: "composer-box" },
      this.#completion.element,
      this.input,
      this.formats,
      toolbar(this.input, [iconButton("emoji", texts.emoji.title, (event) => this.#insertEmoji(event.currentTarget), { "aria-haspopup": "dialog" })]),
      h("button", { class: "send", "aria-label": texts.writing.send, title: texts.writing.send }, icon("send")),
    );
    this.element = h("form", { class: "composer", onsubmit: (event) => { event.preventDefault(); this.#send(); } }, this.#strip, this.box, this.problem);
    this.formats.addEventListener("pointerdown", (event) => event.preventDefault()); // the input keeps the focus
    this.input.value = draft.text;
    this.input.addEventListener("input", () => this.#changed());
    this.input.addEventListener("keydown", (event) => this.#keyPressed(event));
    this.#setEnterHint();
    this.#finePointer.addEventListener("change", () => this.#setEnterHint(), { signal });
    serverInfo.addEventListener("change", () => this.#check(), { signal });
    window.addEventListener("resize", () => this.fit(), { signal });
    window.addEventListener("storage", (event) => this.#draftChanged(event), { signal });
    document.addEventListener("keydown", (event) => isWritingNowhere(event) && this.input.focus(), { signal });
  }

  /** The caller calls this when the element is in the page and has a size. */
  shown() {
    this.fit();
    this.#check();
  }

  /** Makes the input as high as its text, up to the maximum of the style sheet. */
  fit() {
    this.input.style.height = "auto";
    this.input.style.height = `${this.input.scrollHeight}px`;
  }

  /**
   * The input is for this until the user leaves it or sends: {icon, label, text: to show; and replyTo: the id of the message that is
   * answered, or content: to edit, save: gets the new text, and may throw; onleave?}.
   */
  begin(context) {
    this.leave();
    this.#context = context;
    this.#strip.replaceChildren(contextStrip(context, () => { this.leave(); this.input.focus(); }));
    if (this.#isEdit) this.#setText(context.content);
    announce(context.label);
    this.input.focus();
    this.input.setSelectionRange(this.input.value.length, this.input.value.length);
  }

  /** The input is for a new message again; the draft is back. */
  leave() {
    if (this.#context === null) return;
    const wasEdit = this.#isEdit;
    const { onleave } = this.#context;
    this.#context = null;
    this.#isSaving = false;
    this.#strip.replaceChildren();
    if (wasEdit) this.#setText(this.#draft.text);
    onleave?.();
  }

  get #isEdit() {
    return this.#context?.save !== undefined;
  }

  #setText(text) {
    this.input.value = text;
    this.fit();
    this.#check();
  }

  /** Puts a text into the input, before the present one, for editing. */
  putBack(text) {
    this.leave();
    const rest = this.input.value;
    this.input.value = rest.trim() === "" ? text : `${text}\n\n${rest}`;
    this.#changed();
    this.input.focus();
    this.input.setSelectionRange(text.length, text.length);
  }

  #changed() {
    if (!this.#isEdit) {
      this.#draft.text = this.input.value;
      if (this.input.value !== "") this.#oninput();
    }
    this.fit();
    this.#check();
  }

  /** Another tab, in which the user is writing, has changed the draft. */
  #draftChanged(event) {
    const writesHere = document.hasFocus() && document.activeElement === this.input;
    if (!this.#draft.concerns(event) || writesHere || this.#isEdit) return;
    this.#setText(event.newValue ?? "");
  }

  #check() {
    const problem = this.#serverInfo.lengthProblem(normalized(this.input.value));
    if (problem && !this.problem.textContent) announce(problem); // once, not for each key
    this.problem.textContent = problem;
    this.input.setAttribute("aria-invalid", String(problem !== ""));
  }

  async #insertEmoji(button) {
    if (this.input.disabled) return;
    const { selectionStart, selectionEnd } = this.input; // the dialog that closes gives back the focus, but not the caret
    const emoji = await pickEmoji(button);
    if (emoji === null) this.input.setSelectionRange(selectionStart, selectionEnd);
    else replaceText(this.input, selectionStart, selectionEnd, emoji);
  }

  /** On a narrow screen, the toolbar is shown when it is asked for. */
  #toggleFormats() {
    const isShown = this.box.toggleAttribute("data-formats");
    this.formats.setAttribute("aria-expanded", String(isShown));
  }

  /** Sets the label of the Enter key on a phone's keyboard. */
  #setEnterHint() {
    this.input.setAttribute("enterkeyhint", this.#finePointer.matches ? "send" : "enter");
  }

  #keyPressed(event) {
    // Safari fires the Enter that ends an IME composition after the composition: only the key code tells them apart.
    const isComposing = event.isComposing || event.keyCode === PROCESSED_BY_IME;
    if (isComposing || this.#completion.handleKey(event) || formatByKeys(event) || this.#contextKey(event)) return;
    if (event.key !== "Enter" || event.shiftKey || !this.#finePointer.matches) return;
    event.preventDefault();
    this.#send();
  }

  /** Escape leaves an edit or a reply; Up in the empty input edits the last message. Returns whether it was such a key. */
  #contextKey(event) {
    const hasModifier = event.shiftKey || event.ctrlKey || event.altKey || event.metaKey;
    if (event.isComposing || hasModifier) return false;
    if (event.key === "Escape" && this.#context !== null) this.leave();
    else if (event.key === "ArrowUp" && this.#context === null && this.input.value === "") this.#onedit();
    else return false;
    event.preventDefault();
    return true;
  }

  #send() {
    const content = normalized(this.input.value);
    if (content === "" || this.input.disabled) return;
    this.input.focus();
    if (this.problem.textContent) {
      announce(this.problem.textContent);
      this.#serverInfo.refresh(); // the limit may be higher now
      return;
    }
    if (this.#isEdit) {
      this.#save(content);
      return;
    }
    const { replyTo } = this.#context ?? {};
    this.leave();
    this.input.value = "";
    this.fit();
    this.#onsend(content, replyTo);
    this.#changed(); // delete the draft only after the message is saved
  }

  /** Saves an edit, and leaves it if that was possible. */
  async #save(content) {
    const context = this.#context;
    if (this.#isSaving) return;
    this.#isSaving = true;
    const late = setTimeout(() => this.#context === context && this.#strip.querySelector("p").append(` ${texts.writing.waiting}`), LATE_MS);
    try {
      if (content !== context.content) await context.save(content);
      if (this.#context === context) this.leave();
    } catch (error) {
      if (this.#context !== context) return;
      this.#isSaving = false;
      this.problem.textContent = error.message;
      announce(error.message);
    } finally {
      clearTimeout(late);
    }
  }
}

/** Whether a key writes or pastes where nothing takes it, as after a click on a message: then it is meant for the input. */
function isWritingNowhere(event) {
  const { key, target, ctrlKey, metaKey, altKey } = event;
  if (event.defaultPrevented || target.closest("input, textarea, select, dialog") || document.querySelector("dialog[open]")) return false;
  if ((ctrlKey || metaKey) && !altKey && key.toLowerCase() === "v") return true;
  const isCommand = (ctrlKey || metaKey || altKey) && !event.getModifierState("AltGraph");
  return [...key].length === 1 && key !== " " && !isCommand; // the space bar scrolls, and presses buttons
}

/**
 * The text as it is sent, and as the server stores it: without leading blank lines and trailing space. The first of several lines keeps
 * its indentation. A lone surrogate, which JSON can express and UTF-8 cannot, becomes U+FFFD.
 */
function normalized(text) {
  const lines = text.replace(/^(?:[^\S\n]*\n)+/, "").trimEnd();
  return (lines.includes("\n") ? lines : lines.trimStart()).replace(/\p{Surrogate}/gu, "\ufffd");
}
