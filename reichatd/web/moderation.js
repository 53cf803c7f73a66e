// What those who lead a room can do with a user: buttons of the user's dialog.

import { h } from "./dom.js";
import { confirmDialog, form, openDialog } from "./forms.js";
import { confirmTransfer } from "./room-dialogs.js";
import { quietButton } from "./settings-parts.js";
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
  const mute = quietButton("Mute", () => (member.muted_until ? say(unmute) : muteDialog()));
  const kick = quietButton("Kick", () => ask("kick", "Kick", ", and can join again.", "No longer in the room. Can join again."), "quiet danger-text");
  const ban = quietButton("Ban", () => ask("ban", "Ban", " and cannot come back until you allow it. Messages stay.", "Banned. The owner and moderators can undo it."), "quiet danger-text");
  const unban = form({ submit: "Unban", look: "quiet", onsubmit: () => say(() => send("POST", "Can join again.", "unban")) });
  const appoint = quietButton("Make moderator", () => say(member.role === "moderator"
    ? () => send("DELETE", "No longer a moderator.", "moderators")
    : () => send("PUT", "Now a moderator: can kick, ban and mute members.", "moderators")));
  const transfer = quietButton("Make owner", () => returningFocus(confirmTransfer(home, home.rooms.get(roomId), person, () => say(afterTransfer))));
  const note = h("p", { class: "hint", hidden: true }, "Moderators cannot act on the owner, or on each other.");

  async function send(method, done, what, body) {
    await home.api.call(method, pathOfRoom(roomId, what, person.user_id), body);
    await changed();
    return done;
  }

  async function afterTransfer() {
    await changed();
    return "Now the owner of this room. You are a member.";
  }

  const unmute = () => send("PUT", "No longer muted.", "mute", { seconds: null });

  function muteDialog() {
    returningFocus(openDialog(`Mute ${person.username}?`, (close) => form({
      before: [h("p", {}, "Can read, but not post in this room.")],
      fields: [{ name: "seconds", label: "For", options: MUTE_SECONDS.map((seconds) => [seconds, duration(seconds)]), value: 3600 }],
      submit: "Mute",
      async onsubmit({ seconds }) {
        const done = await send("PUT", "Muted.", "mute", { seconds: Number(seconds) });
        close();
        say(() => done);
      },
    })));
  }

  function ask(what, label, consequence, done) {
    const { name: roomName } = home.rooms.get(roomId);
    const text = [h("bdi", {}, person.username), " has to leave “", h("bdi", {}, roomName), `” at once${consequence}`];
    returningFocus(confirmDialog(`${label} ${person.username}?`, text, label, async () => {
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
    mute.textContent = member?.muted_until ? "Unmute" : "Mute";
    appoint.textContent = member?.role === "moderator" ? "Dismiss as moderator" : "Make moderator";
    for (const button of [mute, kick]) button.disabled = !mayAct || !member;
    for (const button of [appoint, transfer]) button.disabled = leadsNow !== "owner" || !member;
    ban.disabled = !mayAct || banned;
    unban.hidden = !banned;
    note.hidden = leadsNow !== "moderator" || mayAct;
  }

  unban.hidden = true;
  for (const button of [mute, kick, ban, appoint, transfer]) button.disabled = true;
  const element = h("div", {},
    h("h3", {}, "In this room"),
    h("div", { class: "buttons" }, mute, kick, ban, unban),
    isOwner && h("div", { class: "buttons" }, appoint, transfer),
    note,
  );
  return { element, update };
}
