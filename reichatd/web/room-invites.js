// The dialog of a room's invitations: it makes links, and lists those that are valid.

import { h } from "./dom.js";
import { confirmDialog, form, openDialog } from "./forms.js";
import { entry, entryButton, loadedList } from "./lists.js";
import { secretNodes } from "./secrets.js";
import { moment, shortDate } from "./time.js";
import { pageUrlOf, pathOfRoom } from "./urls.js";

const USES = [["1", "One person"], ["5", "5 people"], ["25", "25 people"], ["100", "100 people"], ["", "Any number of people"]];
const DAYS = [["1", "1 day"], ["7", "7 days"], ["30", "30 days"]];

export function invitesDialog(home, { room_id: roomId, name }) {
  const made = h("div", { role: "status" });
  const invites = loadedList({
    label: "Valid invitations",
    load: async () => Promise.all((await home.api.call("GET", pathOfRoom(roomId, "invites"))).invites.reverse().map(withName)),
    row: ({ invite_id: id, by, created_at: created, expires_at: expires, uses_left: left }) => {
      const title = `${left === undefined ? "For any number" : `For ${left}`}, until ${moment(new Date(expires))}`;
      return entry(title, [["By ", h("bdi", {}, by), `, ${shortDate(new Date(created))}`]], [entryButton("Delete", title, () => remove(id))]);
    },
    empty: "There are none.",
  });

  /** The same invitation, with the name of the one who made it. */
  async function withName(invite) {
    const user = invite.created_by && (await home.users.get(invite.created_by));
    return { ...invite, by: user === "" ? "an administrator" : (user?.username ?? "(deleted user)") };
  }

  const remove = (id) => confirmDialog("Delete this invitation?", "Its link no longer works. Those who have used it stay members.", "Delete", async () => {
    await home.api.call("DELETE", pathOfRoom(roomId, "invites", id));
    made.replaceChildren();
    await invites.refresh();
  });

  openDialog("Invite people", [
    form({
      before: [h("p", {}, "Anyone with the link can join “", h("bdi", {}, name), "”, without its password. People without an account can register with it.")],
      fields: [
        { name: "uses", label: "For", options: USES, value: "1" },
        { name: "days", label: "Valid for", options: DAYS, value: "7" },
      ],
      submit: "Create link",
      async onsubmit({ uses, days }) {
        const { invite } = await home.api.call("POST", pathOfRoom(roomId, "invites"), { days: Number(days), ...(uses && { uses: Number(uses) }) });
        made.replaceChildren(h("h3", {}, "New link"), h("p", { class: "hint" }, "Copy it now: it is not shown again."), ...secretNodes("Link", pageUrlOf(`#/invite/${invite}`)));
        await invites.refresh();
      },
    }),
    made,
    h("h3", {}, "Valid invitations"),
    invites.element,
  ]);
}
