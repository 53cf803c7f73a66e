// The members of a room, and those who are banned, as the server has them; and what the user may do in a room.

import { peopleList } from "./people.js";
import { texts } from "./texts.js";
import { endTime } from "./time.js";
import { pathOfRoom } from "./urls.js";

const LARGEST_PAGE = 1000;
const MOST_MEMBERS = 5000;
const ROLES = ["owner", "moderator", "member"];

/** Whether the user leads this joined room: as its owner or as a moderator. */
export const leads = (room) => room?.kind !== "direct" && ["owner", "moderator"].includes(room?.role);

/** The list of a room's members; the options are those of `peopleList`. */
export const memberList = (home, roomId, options) => peopleList({
  label: texts.people.members,
  load: (after, limit) => membersOf(home, roomId, after, limit),
  rank: ({ role }) => ROLES.indexOf(role),
  details: ({ role, muted_until: mutedUntil }) => [texts.people.roles[role], mutedUntil && texts.people.mutedUntil(endTime(new Date(mutedUntil)))],
  ...options,
});

/** The list of those who are banned from a room, for those who lead it. */
export const bannedList = (home, roomId, options) => peopleList({
  label: texts.people.banned,
  load: (after, limit) => bansOf(home, roomId, after, limit),
  details: () => [],
  ...options,
});

/** All members of a room, in any order; in a very large room, the first ones. Throws as `api.call`. */
export async function allMembers(home, roomId) {
  const members = [];
  while (members.length < MOST_MEMBERS) {
    const page = await membersOf(home, roomId, members.at(-1)?.user_id ?? "", LARGEST_PAGE);
    members.push(...page);
    if (page.length < LARGEST_PAGE) break;
  }
  return members;
}

/** What a user is in a room: {role, joined_at, muted_until?}; undefined for others. Throws as `api.call`. */
export const memberOf = async (home, roomId, userId) => find(await membersOf(home, roomId, before(userId)), userId);

/** Whether a user is banned from a room that the caller leads. Throws as `api.call`. */
export const isBanned = async (home, roomId, userId) => find(await bansOf(home, roomId, before(userId)), userId) !== undefined;

const NEIGHBOURS = 100;

/** A text a little before this id, in the order of the pages: behind it, the id is among the first. */
const before = (userId) => userId.slice(0, -1);

const find = (users, userId) => users.find((each) => each.user_id === userId);

async function membersOf(home, roomId, after, limit = NEIGHBOURS) {
  return (await home.api.call("GET", `${pathOfRoom(roomId, "members")}?${new URLSearchParams({ after, limit })}`)).members;
}

async function bansOf(home, roomId, after, limit = NEIGHBOURS) {
  return (await home.api.call("GET", `${pathOfRoom(roomId, "bans")}?${new URLSearchParams({ after, limit })}`)).bans;
}
