// Forms and dialogs. Each field has a label, and shows its own errors.

import { choiceRow } from "./choices.js";
import { h, iconButton } from "./dom.js";
import { texts } from "./texts.js";

/** How long a new dialog ignores clicks: the second click of a double click was meant for the page behind it. */
const SETTLE_MS = 500;

const FIRST_FIELD = "form :is(input:not([type='checkbox'], [type='radio']), textarea, select)";
const ALL_AT_ONCE = ["radio", "checkboxes"];

let count = 0;

/**
 * A form of these fields.
 *
 * fields: {name, label, hint?, type?, rows?, options?, value?, ...attributes}; with type "checkbox" a checkbox, with rows a text area,
 * with options ([[value, label], …]) a list to choose from, or with type "radio" or "checkboxes" all options at once.
 * submit: the text of the button; look: its class; before: nodes above the fields; beside: other buttons.
 * onsubmit: gets {name: value}; an error that it throws is shown, at the fields that the error names.
 */
export function form({ fields = [], submit, look = "primary", onsubmit, before = [], beside = [] }) {
  const prefix = `form${++count}`;
  const rows = fields.map((field) => (ALL_AT_ONCE.includes(field.type) ? choiceRow : row)(field, `${prefix}-${field.name}`));
  const problem = h("p", { class: "problem", role: "alert" });
  const button = h("button", { class: look }, submit);
  const element = h("form", { novalidate: true, class: "form" }, before, rows.map((each) => each.element), problem, beside.length ? h("div", { class: "buttons" }, button, beside) : button);

  element.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (button.disabled) return;
    button.disabled = true;
    rows.forEach((each) => each.setProblem(""));
    problem.textContent = "";
    try {
      await onsubmit(Object.fromEntries(rows.map((each) => [each.name, each.value])));
    } catch (error) {
      problem.textContent = showProblems(error, rows) || "";
      (rows.find((each) => each.isInvalid) ?? rows[0])?.focus();
    } finally {
      button.disabled = false;
    }
  });
  return element;
}

/** Shows each field its problem; returns the text for problems without a field. */
function showProblems(error, rows) {
  const left = (error.errors ?? []).filter(({ field, problem }) => {
    const found = rows.find((each) => each.name === field);
    found?.setProblem(problem);
    return !found;
  });
  if (error.errors?.length && left.length === 0) return "";
  if (error.name !== "Error") console.error(error); // a bug of this page
  return error.message;
}

function row({ name, label, hint, type = "text", rows, options, value = "", ...attributes }, id) {
  const isCheck = type === "checkbox";
  const input = rows
    ? h("textarea", { id, rows, ...attributes })
    : options
      ? h("select", { id, ...attributes }, options.map(([each, text]) => h("option", { value: each }, text)))
      : h("input", { id, type, ...attributes });
  if (isCheck) input.checked = value;
  else input.value = value;
  const hintElement = hint && h("p", { class: "hint", id: `${id}-hint` }, hint);
  const problem = h("p", { class: "problem", id: `${id}-problem` });
  if (hint) input.setAttribute("aria-describedby", `${id}-hint`);
  const labelElement = h("label", { for: id }, label);
  return {
    name,
    element: h("div", { class: isCheck ? "field check" : "field" }, isCheck ? [input, labelElement] : [labelElement, input], hintElement, problem),
    get value() {
      return isCheck ? input.checked : input.value;
    },
    isInvalid: false,
    setProblem(text) {
      this.isInvalid = text !== "";
      problem.textContent = text && text[0].toUpperCase() + text.slice(1);
      input.setAttribute("aria-invalid", String(this.isInvalid));
      const described = [hint && `${id}-hint`, text && `${id}-problem`].filter(Boolean).join(" ");
      if (described) input.setAttribute("aria-describedby", described);
    },
    focus: () => input.focus(),
  };
}

/**
 * Opens a dialog with this content: nodes, or a function that gets `close` and returns nodes. If it has a form, the user can write at once;
 * not on a touch screen, where its keyboard would hide the rest.
 */
export function openDialog(title, content) {
  const id = `dialog${++count}`;
  const close = () => dialog.close();
  const dialog = h(
    "dialog",
    { "aria-labelledby": id },
    h("header", {}, h("h2", { id, dir: "auto" }, title), iconButton("close", texts.common.close, close)),
    typeof content === "function" ? content(close) : content,
  );
  dialog.addEventListener("close", () => dialog.remove());
  const openedAt = performance.now();
  dialog.addEventListener("click", (event) => event.target === dialog && event.timeStamp - openedAt > SETTLE_MS && close()); // outside of it
  document.body.append(dialog);
  dialog.showModal();
  if (matchMedia("(pointer: fine)").matches && !dialog.querySelector("[autofocus]")) dialog.querySelector(FIRST_FIELD)?.focus();
  return dialog;
}

/** Closes all dialogs, before another view is shown. */
export const closeDialogs = () => document.querySelectorAll("dialog").forEach((dialog) => dialog.close());

/** Asks for confirmation, before something that concerns others or cannot be undone. `text` may be nodes. Returns the dialog. */
export function confirmDialog(title, text, submit, act) {
  const dialog = openDialog(title, (close) =>
    form({
      before: [h("p", {}, text)],
      submit,
      look: "danger",
      beside: [h("button", { type: "button", class: "quiet", autofocus: true, onclick: close }, texts.common.cancel)],
      async onsubmit() {
        await act();
        close();
      },
    }),
  );
  const button = dialog.querySelector(".danger");
  button.disabled = true;
  setTimeout(() => (button.disabled = false), SETTLE_MS);
  return dialog;
}
