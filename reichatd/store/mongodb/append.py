"""The group commit: numbers the posts from the ends of their logs on, and again if another daemon was first.

There is no counter and no lock. The key of a message is its room and its number, so of two daemons that number from the same end
only one succeeds. The insert is ordered: it stops at the first refused message, and all before it are stored. The rest is numbered
again, from the new ends. So a log never has a gap, whenever a daemon or a server is killed.
"""

from collections.abc import Iterable, Mapping, Sequence

from bson import ObjectId
from pymongo import UpdateOne
from pymongo.errors import BulkWriteError

from reichatd.store.mongodb.authors import DUPLICATE_KEY, Member, find_authors, find_members, take_turns
from reichatd.store.mongodb.keys import mark_by, member_id, members_of
from reichatd.store.mongodb.logs import find_ends, search
from reichatd.store.mongodb.mentions import resolve
from reichatd.store.mongodb.message_documents import message_document
from reichatd.store.mongodb.room_keys import posted_rooms
from reichatd.store.mongodb.schema import BY_NONCE
from reichatd.store.mongodb.server import PAGE, Document, MongoDatabase
from reichatd.store.posting import Author
from reichatd.store.records import PLAIN, Appended, Extras, Outcome, Post

Nonce = tuple[ObjectId, str, str | None]


_NO_REPLY_TARGET = Appended(Outcome.NO_REPLY_TARGET)


class Batch:
    """One group commit. Lives for one call of `append`, in its thread."""

    def __init__(self, db: MongoDatabase, posts: Sequence[Post], read_marks: Mapping[tuple[str, str], int]) -> None:
        self._db = db
        self._posts = posts
        self._answers: dict[int, Appended] = {}
        self._waiting: list[int] = []
        """Places in `posts` of those that are still to be stored, in order."""
        self._repetitions: dict[int, int] = {}
        """Place of a post → place of an earlier one in the batch that has the same nonce."""
        self._mentions: dict[int, tuple[str, ...]] = {}
        """Place of a post → the users that it mentions."""
        self._small: dict[tuple[ObjectId, int], bool] = {}
        """Key of a room, a number of members → whether the room has no more."""
        rooms = posted_rooms(db, {post.room_id for post in posts} | {room_id for room_id, _ in read_marks})
        self._keys = {room_id: room.key for room_id, room in rooms.items()}
        asked = {
            (self._keys[room_id], user_id): mark
            for (room_id, user_id), mark in read_marks.items()
            if room_id in self._keys
        }
        authors = {(self._keys[post.room_id], post.user_id) for post in posts if post.room_id in self._keys}
        members = find_members(db, authors | asked.keys())
        self._authors = find_authors(
            db, {pair: member for pair, member in members.items() if pair in authors}, rooms.values()
        )
        """All authors who are members."""
        self._rooms = {room.key: room.room_id for room in rooms.values()}
        self._read = {member: document["last_read_id"] for member, document in members.items()}
        self._asked = {member: mark for member, mark in asked.items() if member in members}
        self._marks: dict[Member, int] = {}
        self._ends: dict[ObjectId, int] = {}

    def commit(self) -> tuple[list[Appended], dict[tuple[str, str], int], dict[str, ObjectId]]:
        """Stores what can be stored and moves the read marks. To be called once.

        Returns:
            the answers, the marks that moved, and the keys of those rooms that exist, by their ids.
        """
        self._classify()
        logs = {self._key(place) for place in self._waiting} | {key for key, _ in self._asked}
        self._ends = find_ends(self._db, logs)
        self._refuse()
        self._resolve_mentions()
        self._insert()
        while self._waiting:
            self._find_new_ends()
            self._insert()
        moved = self._move_marks()
        for place, earlier in self._repetitions.items():
            first = self._answers[earlier]
            self._answers[place] = Appended(Outcome.REPEATED, first.message_id) if first.message_id else first
        return [self._answers[place] for place in range(len(self._posts))], moved, self._keys

    def _classify(self) -> None:
        firsts: dict[Nonce, int] = {}
        for place, post in enumerate(self._posts):
            key = self._keys.get(post.room_id)
            if key is None:
                self._answers[place] = Appended(Outcome.NO_ROOM)
            elif (key, post.user_id) not in self._authors:
                self._answers[place] = Appended(Outcome.NO_MEMBER)
            elif post.nonce is not None and (first := firsts.setdefault(self._nonce(place), place)) != place:
                self._repetitions[place] = first
            else:
                self._waiting.append(place)

    def _refuse(self) -> None:
        """Takes out the posts that may not be stored, but for those that are stored already."""
        limited = [place for place in self._waiting if self._is_limited(place)]
        known = self._known_nonces(limited)
        for place in limited:
            if (number := known.get(self._nonce(place))) is not None:
                self._answer(place, Outcome.REPEATED, number)
        left = [place for place in limited if place not in self._answers]
        while left:
            left = self._take_turns(left)
        self._waiting = [place for place in self._waiting if place not in self._answers]

    def _is_limited(self, place: int) -> bool:
        return self._author(place).is_slowed or self._refusal(place) is not None

    def _refusal(self, place: int) -> Appended | None:
        """Why a post is refused; None if it is taken."""
        post, author, key = self._posts[place], self._author(place), self._key(place)
        if (refusal := author.refusal(post.timestamp, post.nonce)) is not None:
            return refusal
        # One of the posts before it may be the target: what is exact is said when the ids are known.
        if post.reply_to and not 1 <= post.reply_to <= self._ends[key] + place:
            return _NO_REPLY_TARGET
        if post.mention_room and not (author.leads or self._has_at_most(key, post.mention_room_members)):
            return Appended(Outcome.NO_ROOM_MENTION)
        return None

    def _has_at_most(self, key: ObjectId, members: int) -> bool:
        """Whether a room has no more than this number of members."""
        if (key, members) not in self._small:
            counted = self._db.members.count_documents(members_of(key), limit=members + 1)
            self._small[key, members] = counted <= members
        return self._small[key, members]

    def _take_turns(self, places: Sequence[int]) -> list[int]:
        """Refuses posts, and takes one turn in slow mode of each author; returns the places of posts that need a further turn.

        There are such posts only if the batch lasted longer than slow mode has its authors wait.
        """
        turns: dict[Member, int] = {}
        later = []
        for place in places:
            post, author = self._posts[place], self._author(place)
            member = self._key(place), post.user_id
            if (refusal := self._refusal(place)) is not None:
                self._answers[place] = refusal
            elif member in turns:
                later.append(place)
            else:
                turns[member] = place
                author.posted_at, author.turn = post.timestamp, post.nonce
        for member in take_turns(self._db, {member: self._authors[member] for member in turns}):
            place = turns[member]
            refusal = self._author(place).refusal(self._posts[place].timestamp)
            assert refusal is not None
            self._answers[place] = refusal
        return later

    def _resolve_mentions(self) -> None:
        mentioning = [place for place in self._waiting if self._posts[place].mentions or self._posts[place].names]
        found = resolve(self._db, [(self._key(place), self._posts[place]) for place in mentioning])
        self._mentions = dict(zip(mentioning, found, strict=True))

    def _author(self, place: int) -> Author:
        return self._authors[self._key(place), self._posts[place].user_id]

    def _key(self, place: int) -> ObjectId:
        return self._keys[self._posts[place].room_id]

    def _nonce(self, place: int) -> Nonce:
        post = self._posts[place]
        return self._key(place), post.user_id, post.nonce

    def _refuse_replies(self) -> None:
        """Takes out the replies to messages that the log never had, now that each post is about to get its id."""
        ends = dict(self._ends)
        for place in self._waiting:
            key = self._key(place)
            if self._posts[place].reply_to > ends[key]:
                self._answers[place] = _NO_REPLY_TARGET
            else:
                ends[key] += 1
        self._waiting = [place for place in self._waiting if place not in self._answers]

    def _insert(self) -> None:
        self._refuse_replies()
        if not self._waiting:
            return
        messages = self._numbered()
        try:
            self._db.messages.insert_many(messages, ordered=True)
            stored = len(messages)
        except BulkWriteError as error:
            stored = _stored_before(error)
        for place, message in zip(self._waiting[:stored], messages, strict=False):
            self._answer(place, Outcome.STORED, message["_id"]["id"])
        del self._waiting[:stored]

    def _numbered(self) -> list[Document]:
        ends = dict(self._ends)
        messages = []
        for place in self._waiting:
            post, key = self._posts[place], self._key(place)
            ends[key] += 1
            messages.append(message_document(key, ends[key], post, self._extras(place)) | {"by": self._db.by})
        return messages

    def _extras(self, place: int) -> Extras:
        post = self._posts[place]
        if not (post.reply_to or post.mention_room or place in self._mentions):
            return PLAIN
        mentions = self._mentions.get(place, ())
        return Extras(reply_to=post.reply_to, mentions=mentions, mention_room=post.mention_room)

    def _answer(self, place: int, outcome: Outcome, number: int) -> None:
        key = self._key(place)
        is_new = outcome is Outcome.STORED
        mentions = self._mentions.get(place, ()) if is_new else ()
        self._answers[place] = Appended(outcome, number, in_direct=self._author(place).in_direct, mentions=mentions)
        self._mark((key, self._posts[place].user_id), number)
        if is_new:
            self._ends[key] = number
            self._db.ends.advance(key, number)

    def _mark(self, member: Member, number: int) -> None:
        self._marks[member] = max(number, self._marks.get(member, 0))

    def _find_new_ends(self) -> None:
        """Reads the ends and the nonces again, because another daemon has added to a log or stored one of the nonces."""
        self._ends |= search(self._db, {self._key(place) for place in self._waiting})
        known = self._known_nonces(self._waiting)
        for place in self._waiting:
            if (number := known.get(self._nonce(place))) is not None:
                self._answer(place, Outcome.REPEATED, number)
        self._waiting = [place for place in self._waiting if place not in self._answers]

    def _known_nonces(self, places: Iterable[int]) -> dict[Nonce, int]:
        """The ids of those of these posts that are stored already, by their nonces."""
        nonces: dict[Member, list[str]] = {}
        for place in places:
            key, user_id, nonce = self._nonce(place)
            if nonce is not None:
                nonces.setdefault((key, user_id), []).append(nonce)
        if not nonces:
            return {}
        of_members = [
            {"_id.room": key, "user_id": user_id, "nonce": {"$in": some}} for (key, user_id), some in nonces.items()
        ]
        found = self._db.messages.find({"$or": of_members}, {"user_id": 1, "nonce": 1}, hint=BY_NONCE, batch_size=PAGE)
        return {
            (message["_id"]["room"], message["user_id"], message["nonce"]): message["_id"]["id"] for message in found
        }

    def _move_marks(self) -> dict[tuple[str, str], int]:
        for (key, user_id), number in self._asked.items():
            self._mark((key, user_id), min(number, self._ends[key]))
        # Also if no mark moves: on a standalone server this write makes repeated posts durable that another daemon stored a
        # moment ago.
        if moves := [
            UpdateOne({"_id": member_id(*member)}, self._move(member, number))
            for member, number in self._marks.items()
            if number > 0
        ]:
            self._db.members.bulk_write(moves, ordered=False)
        return {
            (self._rooms[member[0]], member[1]): number
            for member, number in self._marks.items()
            if number > self._read[member]
        }

    def _move(self, member: Member, number: int) -> Document:
        """The update that moves a read mark. Marks that stay are written without `by`, so that nothing changes."""
        moved = {"$set": {"by": mark_by(self._db.by, number)}} if number > self._read[member] else {}
        return {"$max": {"last_read_id": number}, **moved}


def _stored_before(error: BulkWriteError) -> int:
    """How many messages an ordered insert stored before it met a duplicate; raises `error` if it failed otherwise."""
    refusals = error.details["writeErrors"]
    if error.details["writeConcernErrors"] or [refusal["code"] for refusal in refusals] != [DUPLICATE_KEY]:
        raise error
    return int(refusals[0]["index"])
