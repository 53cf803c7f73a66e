// What all parts of the settings are made of.

import { h } from "./dom.js";

let count = 0;

/** A section with a heading. */
export function section(title, ...content) {
  const id = `section${++count}`;
  return h("section", { class: "panel", "aria-labelledby": id }, h("h3", { id }, title), content);
}

/** A place for the sentence that says what a form has done. */
export const outcomeLine = () => h("p", { class: "outcome", role: "status" });

export const quietButton = (text, onclick, look = "quiet") => h("button", { type: "button", class: look, onclick }, text);
