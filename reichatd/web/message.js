// One message as a row of the conversation.

import { avatar, h, iconButton } from "./dom.js";
import { linkified } from "./text.js";
import { clock, day, dayName, full, shortClock } from "./time.js";

const TOGETHER_MS = 5 * 60_000;

/**
 * The row of a message.
 *
 * previous: the message before it, undefined if it is not known.
 * about: {name, isMine, isFirst: of the log, isNew: whether the line of what is new is above it, href, onauthor, oncopy, setSize}
 */
export function messageRow(message, previous, about) {
  const at = new Date(message.timestamp);
  const before = previous && new Date(previous.timestamp);
  const beginsDay = before ? day(at) !== day(before) : about.isFirst;
  const leads = beginsDay || about.isNew || !before || previous.user_id !== message.user_id || at - before > TOGETHER_MS;
  const time = h("a", { class: "time", href: about.href, tabindex: "-1" }, h("time", { datetime: message.timestamp, title: full(at) }, leads ? clock(at) : shortClock(at)));
  return h("article", {
    class: leads ? "message lead" : "message",
    tabindex: "-1",
    "data-id": message.message_id,
    "data-mine": about.isMine,
    "aria-posinset": message.message_id,
    "aria-setsize": about.setSize,
    "aria-label": `${about.name}, ${clock(at)}`,
  },
    beginsDay && h("h3", { class: "day" }, h("span", {}, dayName(at))),
    about.isNew && h("p", { class: "new-line" }, h("span", {}, "New")),
    leads && h("div", { class: "head" },
      avatar(message.user_id, about.name),
      h("button", { type: "button", class: "author", tabindex: "-1", onclick: about.onauthor }, h("bdi", {}, about.name)),
      time,
    ),
    h("div", { class: "line" },
      !leads && time,
      h("p", { class: "content", dir: "auto" }, linkified(message.content)),
      h("span", { class: "actions" }, iconButton("copy", "Copy text", about.oncopy, { tabindex: "-1" })),
    ),
  );
}

/** The row of a message that is not in the log yet. isLive: whether there is a connection; actions: {retry, edit, discard} */
export function pendingRow({ content, messageId, problem, isFinal }, isLive, actions) {
  const state = problem ? `Not sent: ${problem}` : messageId ? "Sent" : isLive ? "Sending …" : "Waiting";
  return h("article", { class: "message pending", "data-failed": problem !== undefined, "aria-label": state },
    h("div", { class: "line" },
      h("p", { class: "content", dir: "auto" }, linkified(content)),
      !problem && h("span", { class: "state" }, state),
    ),
    problem && h("p", { class: "failed" }, // below the text, which can be longer than the screen
      h("span", { class: "state" }, state),
      !isFinal && h("button", { type: "button", class: "link", onclick: actions.retry }, "Send again"),
      h("button", { type: "button", class: "link", onclick: actions.edit }, "Edit"),
      h("button", { type: "button", class: "link", onclick: actions.discard }, "Discard"),
    ),
  );
}
