// Secrets that the server shows once, such as the token of a program.

import { h } from "./dom.js";
import { texts } from "./texts.js";
import { copyAndTell } from "./toast.js";

/** The nodes that show a secret, with a button that copies it. label: what it is. */
export function secretNodes(label, secret) {
  return [
    h("pre", { class: "secret", "aria-label": label, tabindex: "0" }, secret),
    h("div", { class: "buttons" },
      h("button", { type: "button", class: "quiet", onclick: () => copyAndTell(secret) }, texts.common.copy),
    ),
  ];
}
