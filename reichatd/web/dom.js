// Makes and changes elements. Text stays text: nothing in this client parses a string as markup.

const SVG = "http://www.w3.org/2000/svg";

const ICONS = {
  back: "M15 5l-7 7 7 7",
  bold: "M8 5h5.500a3.500 3.500 0 010 7H8zM8 12h6.500a3.500 3.500 0 010 7H8z",
  calendar: "M5 6h14v14H5zM5 10.500h14M9 3.500v4M15 3.500v4",
  check: "M5 12.500l4.500 4.500L19 7",
  close: "M6 6l12 12M18 6L6 18",
  code: "M9 7l-5 5 5 5M15 7l5 5-5 5",
  compass: "M12 3a9 9 0 100 18 9 9 0 000-18zM15.5 8.5l-2 5-5 2 2-5z",
  copy: "M9 9h10v11H9zM15 9V4H5v11h4",
  down: "M12 5v14M6 13l6 6 6-6",
  edit: "M5 19h3.500L19 8.500 15.500 5 5 15.500zM13 7.500l3.500 3.500",
  emoji: "M12 3a9 9 0 100 18 9 9 0 000-18zM8.500 14.500c.8 1.200 2 1.800 3.500 1.800s2.700-.6 3.500-1.800M9 9.500h.01M15 9.500h.01",
  formats: "M3 18l5-12 5 12M5 14h6M21 18v-7M21 14.500a3 3 0 11-6 0 3 3 0 016 0z",
  italic: "M10 5h8M6 19h8M14 5l-4 14",
  link: "M10 14a4 4 0 006 0l3-3a4 4 0 00-6-6l-1 1M14 10a4 4 0 00-6 0l-3 3a4 4 0 006 6l1-1",
  list: "M10 6h10M10 12h10M10 18h10M5 6h.01M5 12h.01M5 18h.01",
  lock: "M6 11h12v9H6zM8.5 11V8a3.5 3.5 0 017 0v3",
  more: "M5 11a1 1 0 110 2 1 1 0 010-2zM12 11a1 1 0 110 2 1 1 0 010-2zM19 11a1 1 0 110 2 1 1 0 010-2z",
  people: "M9 11a3.5 3.5 0 100-7 3.5 3.5 0 000 7zM2.5 20c.5-4 3-6 6.500-6s6 2 6.500 6M16 4.500a3.500 3.500 0 010 6.500M18 14.500c2 .8 3.200 2.600 3.500 5.500",
  pin: "M9 4h6l-.8 6 3.300 3v1.500h-11V13l3.300-3zM12 14.500V21",
  plus: "M12 5v14M5 12h14",
  quote: "M5 5v14M10 8h9M10 12h9M10 16h6",
  reply: "M10 6l-6 5.500L10 17M4 11.500h9a7 7 0 017 7",
  search: "M10.500 4a6.500 6.500 0 100 13 6.500 6.500 0 000-13zM15.500 15.500L20 20",
  send: "M5 12h14M13 6l6 6-6 6",
  star: "M12 4l2.400 5.200 5.600.700-4.200 3.900 1.100 5.600-4.900-2.800-4.900 2.800 1.100-5.600L4 9.900l5.600-.7z",
  trash: "M5 7h14M10 7V4.500h4V7M7 7l1 13h8l1-13M10.500 11v5M13.500 11v5",
  strike: "M5 12h14M16.500 7.500C16 5.800 14.300 5 12 5c-2.500 0-4.500 1.200-4.500 3.300 0 1.700 1.300 2.700 3 3.200M7.500 16c.5 1.900 2.300 3 4.700 3 2.600 0 4.600-1.300 4.600-3.500 0-.9-.3-1.600-.8-2.200",
};

/**
 * An element with these attributes and children. Attributes named on… are listeners. Children are nodes or texts. Attributes and
 * children that are null or false are left out.
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** An icon, hidden from screen readers. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

/** A button that shows only an icon. */
export function iconButton(name, label, onclick, attributes = {}) {
  return h("button", { type: "button", class: "icon-button", "aria-label": label, title: label, onclick, ...attributes }, icon(name));
}

/** A user's initial on one of eight colours, always the same for a user. */
export function avatar(userId, username) {
  let sum = 0;
  for (const character of userId) sum = (sum * 31 + character.codePointAt(0)) >>> 0;
  return h("span", { class: "avatar", "data-hue": sum % 8, "aria-hidden": "true" }, /[\p{L}\p{N}]/u.exec(username)?.[0].toUpperCase() ?? "?");
}

/** Lets a screen reader say this text after the current one. */
export function announce(text) {
  document.getElementById("announcer").textContent = text;
}

/** Puts a text on the clipboard, even if the page is no secure context (plain HTTP in a local network). */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = h("textarea", { class: "visually-hidden", "aria-hidden": "true" });
    area.value = text;
    (document.querySelector("dialog[open]") ?? document.body).append(area);
    const focused = document.activeElement;
    area.select();
    document.execCommand("copy");
    area.remove();
    focused?.focus();
  }
}
