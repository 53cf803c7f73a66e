// Who reacted to a message.

import { h } from "./dom.js";
import { closeDialogs, openDialog } from "./forms.js";
import { peopleList } from "./people.js";
import { personDialog } from "./person-dialog.js";
import { texts } from "./texts.js";
import { pathOfRoom } from "./urls.js";

/** Opens the list of those who reacted, by emoji. Only the first users are in the message: the others come in pages. */
export function reactorsDialog(home, roomId, { message_id: id, reactions = [] }) {
  openDialog(texts.message.whoReacted, () => reactions.map(({ emoji, count }) => {
    const list = peopleList({
      label: texts.message.reaction(emoji, count),
      load: (after, limit) => reactorsOf(home, roomId, id, emoji, after, limit),
      details: () => [],
      onchoose: ({ user_id: userId }) => {
        closeDialogs();
        personDialog(home, roomId, userId);
      },
    });
    list.refresh();
    return [h("h3", {}, h("span", { class: "emoji" }, emoji), ` ${count}`), list.element];
  }));
}

async function reactorsOf(home, roomId, id, emoji, after, limit) {
  const path = `${pathOfRoom(roomId, "messages", id, "reactions", emoji)}?${new URLSearchParams({ after, limit })}`;
  const { users } = await home.api.call("GET", path);
  return users.map((user) => ({ ...user, username: user.username || texts.common.deletedUser }));
}
