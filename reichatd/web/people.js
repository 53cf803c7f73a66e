// Lists of users, which come from the server in pages: each user is a button. A room may have thousands.

import { avatar, h } from "./dom.js";
import { language, texts } from "./texts.js";

const PAGE = 50;
const LARGEST_PAGE = 1000;
const MOST_FOUND = 200;
const FEW = 10; // are found without a search

const byName = new Intl.Collator(language, { numeric: true }).compare;

/**
 * A list of users ({user_id, username, …}), empty until `refresh`. Returns {element, refresh}.
 *
 * label: of the list; load: gets the id of the last user that is known, and how many to load; returns the next users by id, or throws.
 * details: makes a user's texts below the name; onchoose: gets the user that was clicked; without: the id of a user to leave out.
 * rank: the place of a user in a list that is complete, before the name.
 * onload: gets how many users are loaded, and whether these are all.
 */
export function peopleList({ label, load, details, onchoose, without, rank = () => 0, onload = () => {} }) {
  const rows = new Map(); // by user id; a row keeps its button, to which the focus returns
  const list = h("ul", { class: "people", "aria-label": label });
  const note = h("p", { class: "hint", role: "status" });
  const more = h("button", { type: "button", class: "link", hidden: true, onclick: () => guarded(() => loadOn(PAGE)) }, texts.common.showMore);
  const filter = h("input", { type: "search", placeholder: texts.people.find, "aria-label": texts.people.findIn(label), hidden: true, oninput: () => guarded(find) });
  let people = [];
  let hasAll = false;
  let generation = 0; // answers to requests before the last refresh are ignored

  async function refresh() {
    const known = people.length;
    generation++;
    people = [];
    await guarded(() => loadOn(Math.min(LARGEST_PAGE, Math.max(PAGE, known))));
  }

  async function loadOn(limit) {
    const begun = generation;
    const found = await load(people.at(-1)?.user_id ?? "", limit);
    if (begun !== generation) return;
    people = [...people, ...found];
    hasAll = found.length < limit;
    if (hasAll) people.sort((one, other) => rank(one) - rank(other) || byName(one.username, other.username)); // the server's order is that of the ids
    onload(people.length, hasAll);
    filter.hidden &&= people.length <= FEW;
    draw();
  }

  /** The server has no search: all pages are loaded. */
  async function find() {
    draw();
    for (const begun = generation; filter.value && !hasAll && begun === generation && list.isConnected; ) await loadOn(LARGEST_PAGE);
  }

  function draw() {
    const words = filter.value.trim().toLowerCase();
    const matching = people.filter(({ user_id: userId, username }) => userId !== without && username.toLowerCase().includes(words));
    list.replaceChildren(...matching.slice(0, words ? MOST_FOUND : Infinity).map(row));
    list.hidden = matching.length === 0; // ARIA requires items in a list
    more.hidden = hasAll || words !== "";
    note.textContent = !words ? "" : !hasAll ? texts.people.searching : matching.length === 0 ? texts.people.noOne : matching.length > MOST_FOUND ? texts.people.first(MOST_FOUND, matching.length) : "";
  }

  function row(person) {
    const { user_id: userId, username } = person;
    if (!rows.has(userId)) rows.set(userId, h("li", {}, h("button", { type: "button", class: "person" })));
    const button = rows.get(userId).firstElementChild;
    button.onclick = () => onchoose(person);
    const about = details(person).filter(Boolean).join(", ");
    button.replaceChildren(avatar(userId, username), h("span", { class: "person-text" }, h("bdi", {}, username), about && [" ", h("span", { class: "hint" }, about)]));
    return rows.get(userId);
  }

  async function guarded(act) {
    more.disabled = true;
    try {
      await act();
    } catch (error) {
      note.textContent = error.message;
    }
    more.disabled = false;
  }

  return { element: h("div", {}, filter, list, more, note), refresh };
}
