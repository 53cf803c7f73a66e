// Who else is in the room, and who is writing.

import { h } from "./dom.js";
import { openDialog } from "./forms.js";
import { peopleList } from "./people.js";
import { personDialog } from "./person-dialog.js";
import { listed, texts } from "./texts.js";

const MOST_NAMED = 3;

/** "Ada is typing …", and the button with the number of those who are here. `update` draws both. */
export function companyLine(home, roomId, company, names) {
  const typing = h("p", { class: "typing hint" });
  const online = h("button", { type: "button", class: "online", hidden: true, onclick: () => hereDialog(home, roomId, company, names) });

  function update() {
    const known = company.typing.map((userId) => names.of(userId)).filter(Boolean);
    const people = listed(known.map((name) => h("bdi", {}, name)));
    const text = known.length > MOST_NAMED ? texts.company.manyType : known.length > 0 ? texts.company.type(people, known.length) : "";
    typing.replaceChildren(...[text].flat(Infinity));
    online.hidden = company.online === 0;
    online.textContent = String(company.online);
    online.title = texts.company.here(company.online);
    online.setAttribute("aria-label", online.title);
  }

  return { typing, online, update };
}

/** Lists those who are here. In a large room only their number is known. */
function hereDialog(home, roomId, { users, online }, names) {
  openDialog(texts.company.here(online), () => {
    if (users === null) return h("p", { class: "hint" }, texts.company.onlyCounted);
    const list = peopleList({
      label: texts.company.here(online),
      load: async () => (await names.ofAll(users)).map((username, index) => ({ user_id: users[index], username })),
      details: ({ user_id: userId }) => [userId === home.me.userId && texts.company.you],
      onchoose: ({ user_id: userId }) => personDialog(home, roomId, userId),
    });
    list.refresh();
    return list.element;
  });
}
