// The dialog of a room's invitations: it makes links, and lists those that are valid.

import { h } from "./dom.js";
import { confirmDialog, form, openDialog } from "./forms.js";
import { entry, entryButton, loadedList } from "./lists.js";
import { secretNodes } from "./secrets.js";
import { texts } from "./texts.js";
import { moment, shortDate } from "./time.js";
import { pageUrlOf, pathOfRoom } from "./urls.js";

const USES = [1, 5, 25, 100];
const DAYS = [1, 7, 30];

export function invitesDialog(home, { room_id: roomId, name, private: isPrivate }) {
  const opensRegistration = home.api.serverInfo.registration !== "closed";
  const made = h("div", { role: "status" });
  const invites = loadedList({
    label: texts.invites.valid,
    load: async () => Promise.all((await home.api.call("GET", pathOfRoom(roomId, "invites"))).invites.reverse().map(withName)),
    row: ({ invite_id: id, by, created_at: created, expires_at: expires, uses_left: left }) => {
      const end = moment(new Date(expires));
      const title = left === undefined ? texts.invites.anyLeft(end) : texts.invites.left(left, end);
      return entry(title, [texts.invites.by(h("bdi", {}, by), shortDate(new Date(created)))], [entryButton(texts.common.delete, title, () => remove(id))]);
    },
    empty: texts.common.none,
  });

  /** The same invitation, with the name of the one who made it. */
  async function withName(invite) {
    const user = invite.created_by && (await home.users.get(invite.created_by));
    return { ...invite, by: user === "" ? texts.invites.administrator : (user?.username ?? texts.common.deletedUser) };
  }

  const remove = (id) => confirmDialog(texts.invites.deleteTitle, texts.invites.deleteHint, texts.common.delete, async () => {
    await home.api.call("DELETE", pathOfRoom(roomId, "invites", id));
    made.replaceChildren();
    await invites.refresh();
  });

  openDialog(texts.invites.title, [
    form({
      before: [h("p", {}, (isPrivate ? texts.invites.leadPrivate : texts.invites.lead)(h("bdi", {}, name)), opensRegistration && texts.invites.canRegister)],
      fields: [
        { name: "uses", label: texts.invites.for, options: [...USES.map((count) => [count, texts.invites.uses(count)]), ["", texts.invites.anyNumber]], value: "1" },
        { name: "days", label: texts.invites.validFor, options: DAYS.map((count) => [count, texts.invites.days(count)]), value: "7" },
      ],
      submit: texts.invites.submit,
      async onsubmit({ uses, days }) {
        const { invite } = await home.api.call("POST", pathOfRoom(roomId, "invites"), { days: Number(days), ...(uses && { uses: Number(uses) }) });
        made.replaceChildren(h("h3", {}, texts.invites.newLink), h("p", { class: "hint" }, texts.invites.copyNow), ...secretNodes(texts.invites.link, pageUrlOf(`#/invite/${invite}`)));
        await invites.refresh();
      },
    }),
    made,
    h("h3", {}, texts.invites.valid),
    invites.element,
  ]);
}
