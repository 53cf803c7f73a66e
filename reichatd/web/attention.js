// What asks for the user's attention, and how the tab shows it: title and icon.

import { setFavicon } from "./favicon.js";
import { instanceName } from "./instance.js";

/**
 * Sums up the states of the rooms: {unread, calls}, where calls are the messages that are meant for the user. Pure.
 *
 * rooms: [{unread, mentions, isDirect, level}]; level is "all", "mentions" or "nothing", which the user has chosen for the room.
 */
export function attentionOf(rooms) {
  const loud = rooms.filter(({ level }) => level !== "nothing");
  return {
    unread: loud.reduce((sum, room) => sum + room.unread, 0),
    calls: loud.reduce((sum, { unread, mentions, isDirect }) => sum + (isDirect ? unread : mentions), 0),
  };
}

/** The title of the tab. place: the name of the room that is shown; "" if none is. Pure. */
export const titleOf = ({ unread }, place) => `${unread > 0 ? `(${unread}) ` : ""}${place ? `${place} · ` : ""}${instanceName}`;

/** Sets title and icon of the tab, and the badge of the installed app. */
export function showAttention(attention, place = "") {
  const title = titleOf(attention, place);
  if (document.title !== title) document.title = title;
  setFavicon(attention);
  navigator.setAppBadge?.(attention.calls)?.catch(() => {}); // 0 removes it
}
