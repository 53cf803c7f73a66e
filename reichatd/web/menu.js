// Menus: a small dialog at an element; on a narrow screen at the lower edge.

import { h, icon } from "./dom.js";

const GAP_PX = 6;
const NARROW = matchMedia("(max-width: 720px)");

/**
 * Opens a menu at an element. Returns its dialog, which closes before an item acts.
 *
 * label: for screen readers. items: {icon, text, act, isDangerous?}; those that are null or false are left out.
 * head: makes nodes above the items; gets a function that closes the menu.
 */
export function openMenu(anchor, label, items, head = () => null) {
  const close = () => dialog.close();
  const entries = items.filter(Boolean).map(({ icon: name, text, act, isDangerous }) => {
    const onclick = () => {
      close();
      act();
    };
    return h("button", { type: "button", class: isDangerous ? "danger-text" : null, onclick }, icon(name), text);
  });
  const dialog = h("dialog", { class: "menu", "aria-label": label }, head(close), h("ul", {}, entries.map((entry) => h("li", {}, entry))));
  let isPressedOutside = false; // a long press that has opened the menu ends outside of it
  dialog.addEventListener("pointerdown", ({ target }) => (isPressedOutside = target === dialog));
  dialog.addEventListener("click", ({ target }) => target === dialog && isPressedOutside && close());
  dialog.addEventListener("close", () => dialog.remove());
  dialog.addEventListener("keydown", (event) => {
    const index = entries.indexOf(document.activeElement);
    const next = { ArrowDown: index + 1, ArrowUp: index - 1, Home: 0, End: -1 }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    entries.at(next % entries.length).focus();
  });
  document.body.append(dialog);
  dialog.showModal();
  entries[0].focus();
  if (!NARROW.matches) placeAt(dialog, anchor);
  return dialog;
}

/** Below the element if there is space, else above it; within the window. */
function placeAt({ style, offsetWidth: width, offsetHeight: height }, anchor) {
  const { right, top, bottom } = anchor.getBoundingClientRect();
  const below = bottom + GAP_PX + height <= innerHeight ? bottom + GAP_PX : top - GAP_PX - height;
  style.left = `${Math.max(GAP_PX, Math.min(right - width, innerWidth - width - GAP_PX))}px`;
  style.top = `${Math.max(GAP_PX, Math.min(below, innerHeight - height - GAP_PX))}px`;
}
