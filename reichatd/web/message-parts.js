// What a message's row shows beside the text: the quote of a reply, reactions, and buttons.

import { h, icon, iconButton } from "./dom.js";
import { texts } from "./texts.js";

const MOST_QUOTED = 160; // characters

/** The beginning of a message's text, on one line; says so if it is deleted. */
export const excerpt = ({ content, deleted }) => (deleted ? texts.message.deleted[deleted] : content.slice(0, MOST_QUOTED).replace(/\s+/g, " "));

/**
 * The quote above a reply: a button that leads to the original.
 *
 * original: the message; undefined if it is unknown. name: of its author. isMissing: whether the server does not have it.
 */
export function quote(original, name, isMissing, onclick) {
  const text = original ? excerpt(original) : isMissing ? texts.message.quoteGone : texts.common.loading;
  return h("button", { type: "button", class: "quote", tabindex: "-1", "data-action": "quote", disabled: isMissing, onclick },
    icon("reply"),
    h("span", { class: "visually-hidden" }, texts.message.replyTo),
    original && h("bdi", { class: "quote-author" }, name),
    h("span", { class: original && !original.deleted ? "quote-text" : "quote-text gone", dir: "auto" }, text),
  );
}

/**
 * The reactions to a message: each is a button that adds the user's own, or removes it.
 *
 * shown: see `OwnReactions.of`. actions: {toggle: gets the emoji and whether it is set, add, names: gets a reaction and returns a promise
 * of a sentence that says who reacted}.
 */
export function reactions(shown, { toggle, add, names }) {
  if (shown.length === 0) return null;
  return h("div", { class: "reactions", role: "group", "aria-label": texts.message.reactions },
    shown.map((each) => {
      const { emoji, count, isMine } = each;
      const button = h("button", {
        type: "button", class: "reaction", tabindex: "-1", "data-action": `reaction ${emoji}`, "data-emoji": emoji, "aria-pressed": String(isMine), "aria-label": texts.message.reaction(emoji, count),
        onclick: () => toggle(emoji, !isMine),
      }, h("span", { class: "emoji" }, emoji), h("span", { class: "reaction-count" }, count));
      const explain = async () => (button.title ||= await names(each).catch(() => ""));
      button.addEventListener("pointerenter", explain);
      button.addEventListener("focus", explain);
      return button;
    }),
    iconButton("emoji", texts.message.react, add, { class: "reaction", tabindex: "-1", "data-action": "react more" }),
  );
}

/** The buttons beside a message. Only the last one is there on narrow screens; its menu has all. */
export function actionButtons({ react, copy, reply, more }) {
  const button = (name, text, act, attributes) => iconButton(name, text, act, { tabindex: "-1", "data-action": name, ...attributes });
  return h("span", { class: "actions" },
    button("emoji", texts.message.react, react, { "aria-haspopup": "dialog" }),
    button("copy", texts.conversation.copyText, copy),
    button("reply", texts.message.reply, reply),
    button("more", texts.message.more, more, { "aria-haspopup": "dialog" }),
  );
}
