"""What a client holds of a room, and how each frame of the server changes it. Pure: it neither sends nor receives."""

import random
from collections.abc import Mapping
from typing import Any

Frame = dict[str, Any]

MESSAGE_FIELDS = {"message_id", "user_id", "username", "email", "content", "timestamp"}
ADDED_FIELDS = {"change_id", "edited_at", "deleted", "reply_to", "mentions", "mention_room", "reactions", "pinned"}
OLD_FRAMES = {
    "initial_state": {"type", "last_read_id", "messages", "first_id", "last_id", "change_id", "log"},
    "fetch_response": {"type", "messages", "first_id", "last_id", "log"},
    "latest_message": {"type", "message"},
    "ack": {"type", "nonce", "message_id"},
    "error": {"type", "code", "message", "nonce"},
}
"""All frames that a client gets that knows no changes, with all their fields."""


class HeldRoom:
    """The messages that one client holds, through all of its connections to a room.

    Arguments:
        knows_changes: False for an old client, which never asks for changes.
        dice: decides whether a listener says from which message on it wants changes.
    """

    def __init__(self, *, knows_changes: bool, dice: random.Random) -> None:
        self.knows_changes = knows_changes
        self.messages: dict[int, Frame] = {}
        self.last_id = 0
        self.change_id = 0
        self.log = ""
        self.listens = False
        self.awaits_caught_up = 0
        self._dice = dice

    def connected(self) -> None:
        """A new connection begins; its first frame is the initial state."""
        self.listens = False
        self.awaits_caught_up = 0

    def forget(self) -> None:
        """Drops everything: the room has another log now. The next connection starts afresh."""
        self.messages.clear()
        self.last_id = self.change_id = 0

    def take(self, frame: Frame) -> Frame | None:
        """Takes one frame of the server; returns the frame to answer it with. Acks and errors change nothing."""
        if not self.knows_changes:
            _check_old(frame)
        match frame["type"]:
            case "initial_state":
                return self._begin(frame)
            case "fetch_response":
                for each in frame["messages"]:
                    if each["message_id"] <= self.last_id:
                        self._hold(each)
            case "latest_message":
                number = frame["message"]["message_id"]
                assert number == self.last_id + 1, "a gap or a repeat"
                self.last_id = number
                self._hold(frame["message"])
            case "message_changed":
                changed = frame["message"]
                self._move_to(changed["message_id"], changed["change_id"])
                if changed["message_id"] in self.messages:
                    self._hold(changed)
            case "reactions_changed":
                self._move_to(frame["message_id"], frame["change_id"])
                self._react(frame)
            case "caught_up":
                self.awaits_caught_up -= 1
                assert self.awaits_caught_up >= 0
                self.change_id = max(self.change_id, frame["change_id"])
            case unknown:
                assert unknown in ("ack", "error"), frame
        return None

    def differences(self, stored: Mapping[int, Frame], change_id: int) -> list[str]:
        """Says where this client does not agree with the store, as it must when nothing happens any more.

        Arguments:
            stored: all messages by id.
            change_id: the head of the changes.
        """
        end = max(stored, default=0)
        found = [] if self.last_id == end else [f"last_id is {self.last_id}, not {end}"]
        if not self.knows_changes:
            return found
        if (self.change_id, self.awaits_caught_up) != (change_id, 0):
            found.append(
                f"change_id is {self.change_id}, not {change_id}; {self.awaits_caught_up} caught_up are missing"
            )
        for number, held in self.messages.items():
            state = stored.get(number, {})
            if held | {"username": ""} != state | {"username": ""}:  # of today in the store
                found.append(f"message {number} is {held}, not {state}")
        return found

    def _begin(self, frame: Frame) -> Frame:
        if not self.messages:
            for each in frame["messages"]:
                self._hold(each)
            self.last_id = max(self.messages, default=frame.get("last_id", 0))
            self.change_id = frame.get("change_id", 0)
            self.log = frame["log"]
        self.listens = True
        listen = {"type": "listen_latest", "after_id": self.last_id}
        if not self.knows_changes:
            return listen
        self.awaits_caught_up += 1
        if self._dice.random() < 0.8:
            listen["held_from"] = min(self.messages, default=self.last_id)
        return listen | {"after_change": self.change_id, "log": self.log}

    def _move_to(self, message_id: int, change_id: int) -> None:
        assert message_id <= self.last_id, "a change before its message"
        self.change_id = max(self.change_id, change_id)

    def _hold(self, state: Frame) -> None:
        held = self.messages.get(state["message_id"])
        if held is None or held.get("change_id", 0) < state.get("change_id", 0):
            self.messages[state["message_id"]] = state

    def _react(self, frame: Frame) -> None:
        held = self.messages.get(frame["message_id"])
        if held is not None and held.get("change_id", 0) < frame["change_id"]:
            held["change_id"] = frame["change_id"]
            held["reactions"] = frame["reactions"]
            if not frame["reactions"]:
                del held["reactions"]  # absent when empty


def _check_old(frame: Frame) -> None:
    """Asserts that a client which knows no changes is sent nothing that it does not expect."""
    assert frame["type"] in OLD_FRAMES, frame
    assert frame.keys() <= OLD_FRAMES[frame["type"]], frame
    messages = frame.get("messages", [])
    if frame["type"] == "latest_message":
        messages = [frame["message"]]
    for message in messages:
        assert MESSAGE_FIELDS <= message.keys() <= MESSAGE_FIELDS | ADDED_FIELDS, message
        assert 1 <= len(message["content"]) <= 5000
