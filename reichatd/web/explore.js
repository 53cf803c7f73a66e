// The list of public rooms, and a form to open a room by its id.

import { h, icon, iconButton } from "./dom.js";
import { form } from "./forms.js";
import { texts } from "./texts.js";
import { roomPlace } from "./urls.js";

const MOST_SHOWN = 200;
const PAGE = 1000;

export function exploreView(home) {
  const results = h("ul", { class: "cards" });
  const note = h("p", { class: "hint", role: "status" }, texts.common.loading);
  const filter = h("input", { type: "search", placeholder: texts.explore.filter, "aria-label": texts.explore.filter, oninput: show });
  let rooms = [];

  function show() {
    const words = filter.value.toLowerCase();
    const matching = rooms.filter(({ name, description, room_id: id }) => `${name}\n${description}\n${id}`.toLowerCase().includes(words));
    results.replaceChildren(...matching.slice(0, MOST_SHOWN).map((room) => h("li", {}, card(home, room))));
    note.textContent = sentence(matching.length, rooms.length);
  }

  /** Loads page after page, and shows what is there; ends when the list is no longer in the page. */
  async function load() {
    let page = [];
    let place = "";
    do {
      page = (await home.api.call("GET", `/public?limit=${PAGE}${place}`)).rooms;
      rooms = [...rooms, ...page];
      show();
      place = `&after=${encodeURIComponent(page.at(-1)?.room_id)}`;
    } while (page.length === PAGE && results.isConnected);
  }

  load().catch((error) => (note.textContent = error.message));

  return h("div", { class: "page" },
    h("header", { class: "bar" }, iconButton("back", texts.common.backToRooms, () => home.leave(), { class: "icon-button only-narrow" }), h("h2", {}, texts.common.findRooms)),
    h("div", { class: "page-body" },
      h("section", { class: "by-id" }, form({
        fields: [{ name: "room_id", label: texts.explore.byId, autocapitalize: "none", spellcheck: "false", hint: texts.explore.byIdHint }],
        submit: texts.explore.open,
        onsubmit: async ({ room_id: id }) => id.trim() && home.open(id.trim()),
      })),
      h("section", {}, h("div", { class: "section-head" }, h("h3", {}, texts.explore.publicRooms), filter), note, results),
    ),
  );
}

function sentence(matching, all) {
  if (all === 0) return texts.explore.none;
  if (matching === 0) return texts.explore.noMatch;
  return matching > MOST_SHOWN ? texts.explore.firstRooms(matching, MOST_SHOWN) : texts.explore.rooms(matching);
}

function card(home, { room_id: id, name, description }) {
  return h("a", { class: "room-card", href: roomPlace(id) },
    h("span", { class: "badge", "aria-hidden": "true" }, "#"),
    h("span", { class: "room-card-text" }, h("bdi", { class: "room-card-name" }, name), h("span", { class: "hint", dir: "auto" }, description)),
    home.rooms.get(id) ? h("span", { class: "hint" }, texts.explore.joined) : h("span", { class: "go" }, icon("send")),
  );
}
