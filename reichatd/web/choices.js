// Fields of a form that show all their options: one of them can be chosen (radio buttons), or any number (checkboxes).

import { h } from "./dom.js";

/**
 * A row of a form. Its value is that of the chosen option; with type "checkboxes" a list.
 *
 * options: [[value, label, hint?], …]; value: what is chosen first.
 */
export function choiceRow({ name, label, hint, type, options, value }, id) {
  const input = type === "radio" ? "radio" : "checkbox";
  const problem = h("p", { class: "problem", id: `${id}-problem` });
  const inputs = options.map(([each], i) => h("input", { type: input, id: `${id}-${i}`, name: id, value: each, checked: [value].flat().includes(each) }));
  const chosen = () => inputs.filter((each) => each.checked).map((each) => each.value);
  return {
    name,
    element: h("fieldset", { class: "field", "aria-describedby": `${id}-problem` },
      h("legend", {}, label),
      hint && h("p", { class: "hint" }, hint),
      options.map(([, text, more], i) =>
        h("div", { class: "choice" }, inputs[i], h("label", { for: `${id}-${i}` }, h("span", { dir: "auto" }, text), more && h("span", { class: "hint" }, more))),
      ),
      problem,
    ),
    get value() {
      return input === "radio" ? chosen()[0] : chosen();
    },
    isInvalid: false,
    setProblem(text) {
      this.isInvalid = text !== "";
      problem.textContent = text && text[0].toUpperCase() + text.slice(1);
    },
    focus: () => inputs[0]?.focus(),
  };
}
