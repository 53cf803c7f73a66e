// The dialog of a user: a direct conversation, a block and, for those who lead the room, moderation.

import { avatar, h } from "./dom.js";
import { openDialog } from "./forms.js";
import { isBanned, leads, memberOf } from "./members.js";
import { moderationButtons } from "./moderation.js";
import { leaveRoomDialog } from "./room-dialogs.js";
import { quietButton } from "./settings-parts.js";
import { texts } from "./texts.js";
import { endTime } from "./time.js";

/**
 * Opens the dialog of a user.
 *
 * roomId: the room in which the user was found.
 * onchange: called after something has changed that lists of the room's users show.
 */
export function personDialog(home, roomId, userId, onchange = () => {}) {
  const room = home.rooms.get(roomId);
  const isDirect = room?.kind === "direct";
  const isMe = userId === home.me.userId;
  const person = { user_id: userId, username: texts.person.unknown };
  const about = h("p", { class: "hint" }, "…");
  const state = h("p", { class: "hint" });
  const outcome = h("p", { class: "outcome", role: "status" });
  const block = quietButton(texts.person.block, () => act(toggleBlock));
  const moderation = h("div");
  let buttons = null; // of `moderation`, once the user is known to lead the room
  let isBlocked = false;
  block.disabled = true;

  const dialog = openDialog(texts.person.title, (close) => [
    h("p", { class: "person-head" }, avatar(userId, ""), about),
    state,
    !isMe && h("div", { class: "buttons" },
      !isDirect && quietButton(texts.person.message, () => act(openDirect)),
      block,
      isDirect && quietButton(texts.common.leave, () => { close(); leaveRoomDialog(home, room); }),
    ),
    moderation,
    outcome,
  ]);

  /** Does something and says what was done, or why not. */
  async function act(what) {
    outcome.textContent = "";
    try {
      outcome.textContent = (await what()) ?? "";
    } catch (error) {
      outcome.textContent = error.message;
    }
  }

  async function openDirect() {
    await home.openDirect(userId);
  }

  async function toggleBlock() {
    await home.api.call(isBlocked ? "DELETE" : "PUT", `/user/blocks/${encodeURIComponent(userId)}`);
    await refreshBlock();
    return isBlocked ? texts.person.blocked : texts.person.unblocked;
  }

  async function refreshBlock() {
    const { blocks } = await home.api.call("GET", "/user/blocks");
    isBlocked = blocks.some((each) => each.user_id === userId);
    block.textContent = isBlocked ? texts.person.unblock : texts.person.block;
    block.disabled = false;
  }

  function showModeration() {
    if (buttons !== null || isMe || !leads(home.rooms.get(roomId))) return;
    buttons = moderationButtons(home, roomId, person, { dialog, say: act, async changed() { await refreshRole(); onchange(); } });
    moderation.replaceChildren(buttons.element);
  }

  async function refreshRole() {
    const mayKnow = leads(home.rooms.get(roomId)); // who is banned
    const [member, banned] = await Promise.all([memberOf(home, roomId, userId), mayKnow && isBanned(home, roomId, userId), home.rooms.read()]);
    const { role, muted_until: mutedUntil } = member ?? {};
    state.textContent = [texts.person.roles[role], mutedUntil && texts.person.mutedUntil(endTime(new Date(mutedUntil)))].filter(Boolean).join(". ");
    showModeration();
    buttons?.update(member, banned);
  }

  async function showName() {
    const user = await home.users.get(userId);
    person.username = user?.username ?? texts.common.deletedUser;
    dialog.querySelector("h2").textContent = person.username;
    dialog.querySelector(".avatar").replaceWith(avatar(userId, user?.username ?? "?"));
    about.textContent = user?.email ?? "";
  }

  showModeration();
  act(async () => void (await Promise.all([showName(), !isMe && refreshBlock(), !isDirect && refreshRole()])));
}
