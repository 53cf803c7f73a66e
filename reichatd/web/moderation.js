// What those who lead a room can do with a user: buttons of the user's dialog.

import { h } from "./dom.js";
import { confirmDialog, form, openDialog } from "./forms.js";
import { confirmTransfer } from "./room-dialogs.js";
import { quietButton } from "./settings-parts.js";
import { texts } from "./texts.js";
import { duration } from "./time.js";
import { pathOfRoom } from "./urls.js";

const MUTE_SECONDS = [300, 3600, 86_400, 604_800, 2_592_000];

/**
 * The buttons, disabled until `update`. Returns {element, update}.
 *
 * person: {user_id, username}, whose name may become known later.
 * dialog: that of the person; say: runs an action and shows the sentence that it returns, or the error; changed: called after changes.
 */
export function moderationButtons(home, roomId, person, { dialog, say, changed }) {
  const isOwner = home.rooms.get(roomId).role === "owner";
  let member; // as of `update`
  // Each button keeps its place, so that no other one is there when it is clicked.
  const mute = quietButton(texts.moderation.mute, () => (member.muted_until ? say(unmute) : muteDialog()));
  const kick = quietButton(texts.moderation.kick, () => ask("kick", {
    title: texts.moderation.kickWhom, consequence: texts.moderation.kickConsequence, submit: texts.moderation.kick, done: texts.moderation.kicked,
  }), "quiet danger-text");
  const ban = quietButton(texts.moderation.ban, () => ask("ban", {
    title: texts.moderation.banWhom, consequence: texts.moderation.banConsequence, submit: texts.moderation.ban, done: texts.moderation.banned,
  }), "quiet danger-text");
  const unban = form({ submit: texts.moderation.unban, look: "quiet", onsubmit: () => say(() => send("POST", texts.moderation.unbanned, "unban")) });
  const appoint = quietButton(texts.moderation.makeModerator, () => say(member.role === "moderator"
    ? () => send("DELETE", texts.moderation.dismissed, "moderators")
    : () => send("PUT", texts.moderation.appointed, "moderators")));
  const transfer = quietButton(texts.moderation.makeOwner, () => returningFocus(confirmTransfer(home, home.rooms.get(roomId), person, () => say(afterTransfer))));
  const note = h("p", { class: "hint", hidden: true }, texts.moderation.limits);

  async function send(method, done, what, body) {
    await home.api.call(method, pathOfRoom(roomId, what, person.user_id), body);
    await changed();
    return done;
  }

  async function afterTransfer() {
    await changed();
    return texts.moderation.transferred;
  }

  const unmute = () => send("PUT", texts.moderation.unmuted, "mute", { seconds: null });

  function muteDialog() {
    returningFocus(openDialog(texts.moderation.muteWhom(person.username), (close) => form({
      before: [h("p", {}, texts.moderation.muteHint)],
      fields: [{ name: "seconds", label: texts.moderation.muteFor, options: MUTE_SECONDS.map((seconds) => [seconds, duration(seconds)]), value: 3600 }],
      submit: texts.moderation.mute,
      async onsubmit({ seconds }) {
        const done = await send("PUT", texts.moderation.muted, "mute", { seconds: Number(seconds) });
        close();
        say(() => done);
      },
    })));
  }

  function ask(what, { title, consequence, submit, done }) {
    const { name: roomName } = home.rooms.get(roomId);
    const text = consequence(h("bdi", {}, person.username), h("bdi", {}, roomName));
    returningFocus(confirmDialog(title(person.username), text, submit, async () => {
      const said = await send("POST", done, what);
      say(() => said);
    }));
  }

  /** The button that opened the question may be disabled when it is closed. */
  function returningFocus(question) {
    question.addEventListener("close", () => dialog.contains(document.activeElement) || dialog.querySelector("button:enabled").focus());
  }

  /** member: the user's membership, undefined without one; banned: whether the user is banned. */
  function update(current, banned) {
    member = current;
    const leadsNow = home.rooms.get(roomId)?.role;
    const mayAct = leadsNow === "owner" || (leadsNow === "moderator" && !["owner", "moderator"].includes(member?.role));
    mute.textContent = member?.muted_until ? texts.moderation.unmute : texts.moderation.mute;
    appoint.textContent = member?.role === "moderator" ? texts.moderation.dismiss : texts.moderation.makeModerator;
    for (const button of [mute, kick]) button.disabled = !mayAct || !member;
    for (const button of [appoint, transfer]) button.disabled = leadsNow !== "owner" || !member;
    ban.disabled = !mayAct || banned;
    unban.hidden = !banned;
    note.hidden = leadsNow !== "moderator" || mayAct;
  }

  unban.hidden = true;
  for (const button of [mute, kick, ban, appoint, transfer]) button.disabled = true;
  const element = h("div", {},
    h("h3", {}, texts.moderation.title),
    h("div", { class: "buttons" }, mute, kick, ban, unban),
    isOwner && h("div", { class: "buttons" }, appoint, transfer),
    note,
  );
  return { element, update };
}
