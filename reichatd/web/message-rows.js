// Rows of the conversation: a message, and a message that is not acknowledged yet.

import { avatar, h, icon } from "./dom.js";
import { texts } from "./texts.js";
import { clock, day, dayName, endTime, full, shortClock } from "./time.js";

const GROUP_MS = 5 * 60_000;

/**
 * The row of a message.
 *
 * previous: the message before it; undefined if it is not known.
 * options: {name, text: its nodes, isMine, isFirst: of the log, isNew: whether the "New" line is above it, href, onauthor, setSize,
 * isForMe: whether it mentions the user, isEdited: whether the user is editing it, onundo: if the user has just deleted it,
 * pin: who pinned it, if anyone has; quote, reactions, actions: nodes}
 */
export function messageRow(message, previous, options) {
  const at = new Date(message.timestamp);
  const before = previous && new Date(previous.timestamp);
  const beginsDay = before ? day(at) !== day(before) : options.isFirst;
  const hasHead = beginsDay || options.isNew || !before || previous.user_id !== message.user_id || at - before > GROUP_MS;
  const time = h("a", { class: "time", href: options.href, tabindex: "-1" }, h("time", { datetime: message.timestamp, title: full(at) }, hasHead ? clock(at) : shortClock(at)));
  return h("article", {
    class: hasHead ? "message lead" : "message",
    tabindex: "-1",
    "data-id": message.message_id,
    "data-mine": options.isMine,
    "data-for-me": options.isForMe,
    "data-edited": options.isEdited,
    "aria-posinset": message.message_id,
    "aria-setsize": options.setSize,
    "aria-label": `${options.name}, ${clock(at)}`,
  },
    beginsDay && h("h3", { class: "day" }, h("span", {}, dayName(at))),
    options.isNew && h("p", { class: "new-line" }, h("span", {}, texts.conversation.new)),
    h("div", { class: "body" },
      hasHead && h("div", { class: "head" },
        avatar(message.user_id, options.name),
        h("button", { type: "button", class: "author", tabindex: "-1", onclick: options.onauthor }, h("bdi", {}, options.name)),
        time,
      ),
      options.quote,
      h("div", { class: "line" },
        !hasHead && time,
        content(message, options),
        marks(message, options),
        options.actions,
      ),
      options.reactions,
    ),
  );
}

function content({ deleted }, { text, onundo }) {
  if (deleted) return h("p", { class: "content gone" }, texts.message.deleted[deleted]);
  if (onundo) return h("p", { class: "content gone" }, texts.message.deletedNow, " ", h("button", { type: "button", class: "link", "data-action": "undo", onclick: onundo }, texts.message.undo));
  return h("div", { class: "content", dir: "auto" }, text);
}

/** Small signs behind the text: pinned, edited. */
function marks({ edited_at: editedAt, deleted }, { pin, onundo }) {
  if (deleted || onundo || !(pin || editedAt)) return null;
  return h("span", { class: "marks" },
    pin && h("span", { class: "pinned", title: pin }, icon("pin"), h("span", { class: "visually-hidden" }, pin)),
    editedAt && h("span", { class: "edited", title: texts.message.editedAt(full(new Date(editedAt))) }, texts.message.edited),
  );
}

/** The row of an outbox entry. text, quote: nodes; isLive: whether there is a connection; actions: {retry, edit, discard}. */
export function pendingRow({ messageId, problem, isFinal, until }, { text, quote, isLive, actions }) {
  const isLate = !problem && !messageId && isLive && until > Date.now();
  const { again, discard, notSent, sending, sent, waiting, waitingUntil } = texts.writing;
  const state = problem ? notSent(problem) : messageId ? sent : isLate ? waitingUntil(endTime(new Date(until))) : isLive ? sending : waiting;
  const needsSpace = problem || isLate;
  return h("article", { class: "message pending", "data-failed": problem !== undefined, "aria-label": state },
    quote,
    h("div", { class: "line" },
      h("div", { class: "content", dir: "auto" }, text),
      !needsSpace && h("span", { class: "state" }, state),
    ),
    needsSpace && h("p", { class: "failed" }, // below the text, which may be longer than the screen
      h("span", { class: "state" }, state),
      problem && !isFinal && h("button", { type: "button", class: "link", onclick: actions.retry }, again),
      h("button", { type: "button", class: "link", onclick: actions.edit }, texts.common.edit),
      h("button", { type: "button", class: "link", onclick: actions.discard }, discard),
    ),
  );
}
