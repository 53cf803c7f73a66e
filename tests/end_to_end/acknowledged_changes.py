"""What the server has acknowledged to the devices of one room, and whether the log has it after a crash."""

import random
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.client import Person
from tests.end_to_end.device import Device
from tests.held_room import Frame


@dataclass
class Promise:
    """What is known of one message."""

    contents: list[str] = field(default_factory=list)
    """All that it may say, in the order in which it was sent."""
    acknowledged: str = ""
    """The last of them that is acknowledged."""
    change_id: int = 0
    """The greatest number that is acknowledged."""
    may_be_deleted: bool = False
    is_deleted: bool = False
    asked: dict[tuple[str, str], Frame] = field(default_factory=dict)
    """By emoji and user, the last frame that set this reaction or took it back."""
    reactions: dict[tuple[str, str], bool] = field(default_factory=dict)
    """Those that are acknowledged: whether they are set."""

    def check(self, message: Frame) -> None:
        """Asserts that a message is as it must be."""
        assert message.get("change_id", 0) >= self.change_id, "an acknowledged change is lost"
        if "deleted" in message:
            assert self.may_be_deleted
            assert message["content"] == "(deleted)"
            return
        assert not self.is_deleted, "a deleted message is there again"
        assert message["content"] in self.contents[self.contents.index(self.acknowledged) :]
        users = {(each["emoji"], user_id) for each in message.get("reactions", []) for user_id in each["users"]}
        for reaction, is_set in self.reactions.items():
            assert (reaction in users) == is_set


class Promises:
    """Those of one room. Each user writes on one device only: what it sends is done in this order."""

    def __init__(self) -> None:
        self._by_id: defaultdict[int, Promise] = defaultdict(Promise)

    def sent(self, frame: Frame, user_id: str) -> None:
        match frame:
            case {"type": "edit", "message_id": number, "content": content}:
                self._by_id[number].contents.append(content)
            case {"type": "delete", "message_ids": numbers}:
                for number in numbers:
                    self._by_id[number].may_be_deleted = True
            case {"type": "react" | "unreact", "message_id": number, "emoji": emoji}:
                self._by_id[number].asked[emoji, user_id] = frame
                self._by_id[number].reactions.pop((emoji, user_id), None)

    def acknowledged(self, frame: Frame, ack: Frame, user_id: str) -> None:
        promise = self._by_id[ack["message_id"]]
        match frame:
            case {"type": "message", "content": content}:
                promise.contents.insert(0, content)
                promise.acknowledged = promise.acknowledged or content
            case {"type": "edit", "content": content}:
                promise.acknowledged = content
            case {"type": "delete", "message_ids": numbers}:
                for number in numbers:
                    self._by_id[number].is_deleted = True
            case {"type": kind, "emoji": emoji} if promise.asked[emoji, user_id] is frame:
                promise.reactions[emoji, user_id] = kind == "react"
        if len(frame.get("message_ids", "1")) == 1:  # else it is the greatest of their numbers
            promise.change_id = max(promise.change_id, ack.get("change_id", 0))

    def check(self, stored: Mapping[int, Frame]) -> None:
        """Asserts that nothing acknowledged is lost, and that no message is there twice.

        Arguments:
            stored: all messages by id, when all posts and changes are answered.
        """
        for number, promise in self._by_id.items():
            promise.check(stored[number])
        contents = [each["content"] for each in stored.values() if "deleted" not in each]
        assert len(set(contents)) == len(contents)


class RecordedDevice(Device):
    """A device that keeps account of what is promised to it; the arguments are those of `Device`."""

    def __init__(
        self,
        name: str,
        person: Person,
        room_id: str,
        dice: random.Random,
        *,
        knows_changes: bool,
        promises: Promises,
    ) -> None:
        super().__init__(name, person, room_id, dice, knows_changes=knows_changes)
        self.acks = 0
        self._promises = promises

    def sent(self, frame: Frame) -> None:
        self._promises.sent(frame, self.person.user_id)

    def acknowledged(self, frame: Frame, ack: Frame) -> None:
        self.acks += 1
        self._promises.acknowledged(frame, ack, self.person.user_id)
