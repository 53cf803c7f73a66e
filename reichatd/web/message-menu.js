// What a user can do with a message: a menu.

import { h, iconButton } from "./dom.js";
import { recentEmoji } from "./emoji.js";
import { leads } from "./members.js";
import { openMenu } from "./menu.js";
import { reactorsDialog } from "./reactors-dialog.js";
import { texts } from "./texts.js";
import { copyAndTell } from "./toast.js";
import { pageUrlOf, roomPlace } from "./urls.js";

const QUICK = ["👍", "❤️", "😂", "🎉", "😮", "😢"];

/**
 * Opens the menu of a message at an element.
 *
 * conversation: of the room. acts: {react, reply, edit, delete}: what the view does.
 */
export function messageMenu(anchor, message, { home, roomId, conversation, acts }) {
  const { message_id: id, pinned, reactions = [] } = message;
  const may = rightsOf(home, roomId, message);
  return openMenu(anchor, texts.message.more, [
    { icon: "reply", text: texts.message.reply, act: acts.reply },
    may.edit && { icon: "edit", text: texts.common.edit, act: acts.edit },
    { icon: "copy", text: texts.conversation.copyText, act: () => copyAndTell(message.content) },
    { icon: "link", text: texts.message.copyLink, act: () => copyAndTell(pageUrlOf(roomPlace(roomId, id))) },
    may.pin && { icon: "pin", text: pinned ? texts.message.unpin : texts.message.pin, act: () => conversation.pin(id, !pinned) },
    reactions.length > 0 && { icon: "emoji", text: texts.message.whoReacted, act: () => reactorsDialog(home, roomId, message) },
    may.delete && { icon: "trash", text: texts.common.delete, act: acts.delete, isDangerous: true },
  ], (close) => quickReactions(conversation, id, message, () => { close(); acts.react(); }, close));
}

/** What the user may do with a message: {edit, pin, delete}. */
export function rightsOf(home, roomId, { user_id: userId }) {
  const room = home.rooms.get(roomId);
  const isMine = userId === home.me.userId;
  return {
    edit: isMine,
    pin: leads(room) || room?.members_pin === true || room?.kind === "direct",
    delete: isMine || leads(room),
  };
}

/** Emoji to react with at once: those that the user has chosen last, then common ones. */
function quickReactions(conversation, id, message, more, close) {
  const mine = conversation.ownReactions.of(message).filter(({ isMine }) => isMine).map(({ emoji }) => emoji);
  const offered = [...new Set([...recentEmoji(), ...QUICK])].slice(0, QUICK.length);
  const button = (emoji) => h("button", {
    type: "button", class: "quick-reaction", "aria-pressed": String(mine.includes(emoji)), "aria-label": `${texts.message.react}: ${emoji}`,
    onclick: () => { close(); conversation.react(id, emoji, !mine.includes(emoji)); },
  }, emoji);
  return h("div", { class: "quick-reactions", role: "group", "aria-label": texts.message.react }, offered.map(button), iconButton("plus", texts.message.otherReaction, more, { "aria-haspopup": "dialog" }));
}
