// Makes the rows of a room's messages: what each shows, and what its buttons do.

import { announce } from "./dom.js";
import { pickEmoji } from "./emoji-picker.js";
import { MessageLookup } from "./message-lookup.js";
import { messageMenu } from "./message-menu.js";
import { actionButtons, quote, reactions } from "./message-parts.js";
import { messageRow, pendingRow } from "./message-rows.js";
import { messageText } from "./message-text.js";
import { Names } from "./names.js";
import { personDialog } from "./person-dialog.js";
import { texts } from "./texts.js";
import { full } from "./time.js";
import { copyAndTell } from "./toast.js";
import { roomPlace } from "./urls.js";

export class RoomRows {
  /** The id of the message that the user is editing. */
  editedId = null;
  #home;
  #roomId;
  #conversation;
  #view;

  /**
   * view: {newFrom: gets the first id below the "New" line, update: draws the rows that have changed, show: goes to a message,
   * focus: focuses a message, or its button with an action; reply, edit: get a message}
   */
  constructor(home, roomId, conversation, view) {
    this.#home = home;
    this.#roomId = roomId;
    this.#conversation = conversation;
    this.#view = view;
    this.names = new Names(conversation.log, home.users, view.update);
    this.lookup = new MessageLookup(conversation, view.update);
  }

  /** All that the row of a message shows: see FeedRows. */
  sourcesOf = (message) => {
    const { message_id: id, reply_to: originalId, mentions = [], pinned } = message;
    const original = originalId && this.#conversation.log.get(originalId);
    return [
      message, original, originalId && this.lookup.hasAsked(originalId), original && this.#nameOf(original),
      mentions.map((userId) => this.names.of(userId)).join("\n"), pinned && this.names.of(pinned.by),
      this.#conversation.ownReactions.version(id), this.#conversation.deletions.stateOf(id), id === this.editedId,
    ];
  };

  /** See FeedRows. */
  row = (message, previous) => {
    const { log, deletions } = this.#conversation;
    const { message_id: id, user_id: userId, deleted, mentions = [], mention_room: isForAll, pinned } = message;
    const me = this.#home.me.userId;
    const isGoing = deletions.stateOf(id) !== undefined && !deleted;
    const isShown = !deleted && !isGoing;
    return messageRow(message, previous, {
      name: log.nameOf(message),
      text: this.#text(message.content, mentions),
      isMine: userId === me,
      isFirst: id <= log.first,
      isNew: id === this.#view.newFrom(),
      isForMe: isShown && (mentions.includes(me) || (isForAll === true && userId !== me)),
      isEdited: id === this.editedId,
      onundo: isGoing && (() => deletions.undo(id)),
      pin: pinned && texts.message.pinnedBy(this.names.of(pinned.by) ?? "…", full(new Date(pinned.at))),
      href: roomPlace(this.#roomId, id),
      setSize: log.end,
      onauthor: () => personDialog(this.#home, this.#roomId, userId),
      quote: isShown && this.#quote(message.reply_to),
      reactions: isShown && this.#reactions(message),
      actions: isShown && this.#actions(message),
    });
  };

  /** The row of an outbox entry; see `pendingRow`. */
  pendingRow(entry, isLive, actions) {
    return pendingRow(entry, { text: this.#text(entry.content), quote: this.#quote(entry.replyTo), isLive, actions });
  }

  /** Opens the menu of a message at its button, or at its row where that has none. */
  openMenu(id) {
    const message = this.#conversation.log.get(id);
    if (!message || message.deleted || this.#conversation.deletions.stateOf(id) !== undefined) return;
    const dialog = messageMenu(this.#view.anchor(id, "more"), message, {
      home: this.#home,
      roomId: this.#roomId,
      conversation: this.#conversation,
      acts: {
        react: () => this.#pick(id),
        reply: () => this.#view.reply(message),
        edit: () => this.#view.edit(message),
        delete: () => this.#delete(id),
      },
    });
    // The row may have been drawn again meanwhile: then the browser has nothing to give the focus back to.
    dialog.addEventListener("close", () => document.activeElement === document.body && this.#view.focus(id, "more"));
  }

  /** The message that Up in the empty input edits: the last own one among the newest. */
  get lastOwn() {
    const { log, deletions } = this.#conversation;
    for (let id = log.end, message; (message = log.get(id)); id--) {
      if (message.user_id === this.#home.me.userId && !message.deleted && deletions.stateOf(id) === undefined) return message;
    }
    return null;
  }

  close() {
    this.lookup.close();
  }

  #nameOf = (message) => this.#conversation.log.nameOf(message) || texts.common.deletedUser;

  #text(content, mentions = []) {
    const people = mentions.map((userId) => ({ userId, name: this.names.of(userId) })).filter(({ name }) => name);
    return messageText(content, {
      people,
      me: this.#home.me.userId,
      onperson: (userId) => personDialog(this.#home, this.#roomId, userId),
      roomName: (roomId) => this.#home.rooms.get(roomId)?.name,
    });
  }

  #quote(id) {
    if (!id) return null;
    const { log } = this.#conversation;
    const original = log.get(id);
    const isMissing = !original && (id < log.first || this.lookup.hasAsked(id));
    if (!original && !isMissing) this.lookup.need(id);
    return quote(original, original && this.#nameOf(original), isMissing, () => this.#view.show(id));
  }

  #reactions(message) {
    const { ownReactions } = this.#conversation;
    const { message_id: id } = message;
    if (ownReactions.isUnknown(message)) this.lookup.need(id);
    return reactions(ownReactions.of(message), {
      toggle: (emoji, isSet) => this.#conversation.react(id, emoji, isSet),
      add: () => this.#pick(id, "react more"),
      names: async ({ users, count }) => texts.message.reactedBy((await this.names.ofAll(users)).join(", "), count - users.length),
    });
  }

  #actions(message) {
    const { message_id: id, content } = message;
    return actionButtons({
      react: () => this.#pick(id),
      copy: () => copyAndTell(content),
      reply: () => this.#view.reply(message),
      more: () => this.openMenu(id),
    });
  }

  /** Lets the user choose an emoji to react with. */
  async #pick(id, action = "emoji") {
    const anchor = this.#view.anchor(id, action);
    if (anchor === undefined) return;
    const emoji = await pickEmoji(anchor);
    if (document.activeElement === document.body) this.#view.focus(id, action);
    if (emoji !== null) this.#conversation.react(id, emoji, true);
  }

  #delete(id) {
    this.#conversation.deletions.begin(id);
    announce(texts.message.deletedNow);
    this.#view.focusSoon(id, "undo");
  }
}
