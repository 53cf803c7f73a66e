// A short text above everything, for what has no other place: the outcome of a button.

import { announce, copy, h } from "./dom.js";
import { texts } from "./texts.js";

const SHOWN_MS = 3_000;

/** Shows a text for some seconds, and lets a screen reader say it. */
export function tell(text) {
  announce(text);
  document.querySelector(".toast")?.remove();
  const toast = h("p", { class: "toast", popover: "manual", "aria-hidden": "true", dir: "auto" }, text); // the announcer says it
  document.body.append(toast);
  toast.showPopover?.(); // above an open dialog
  setTimeout(() => toast.remove(), SHOWN_MS);
}

/** Puts a text on the clipboard, and says so. */
export async function copyAndTell(text, said = texts.common.copied) {
  await copy(text);
  tell(said);
}
