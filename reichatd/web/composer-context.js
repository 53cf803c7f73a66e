// What the input is for, if not for a new message: an edit, or a reply. A strip above the input says so.

import { h, icon, iconButton } from "./dom.js";
import { texts } from "./texts.js";

/** The strip. onleave: called by its button. */
export function contextStrip({ icon: name, label, text }, onleave) {
  return h("div", { class: "composer-context" },
    icon(name),
    h("p", { class: "composer-context-text" }, h("span", { class: "composer-context-label" }, label), " ", h("span", { dir: "auto" }, text)),
    iconButton("close", texts.writing.leave, onleave, { title: `${texts.writing.leave} (Esc)` }),
  );
}
