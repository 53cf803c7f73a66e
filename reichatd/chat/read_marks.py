"""Read marks, asked for by many and read together.

When the daemon, or the network before it, comes back, thousands of clients join within seconds. While one read is under way in the
store's thread the next questions gather, as posts do for the scribe: one hop into the thread answers all of them.
"""

import trio

from reichatd.store import MessageStore, StoreError

_AT_ONCE = 200
"""Questions in one read: more would keep the first of them waiting for the last."""


class _Question:
    """What somebody waits to know; `answer` counts once `answered` is set, unless there is a failure."""

    __slots__ = ("answer", "answered", "failure", "member")

    def __init__(self, member: tuple[str, str]) -> None:
        self.member = member
        self.answer: int | None = None
        self.failure: StoreError | None = None
        self.answered = trio.Event()


class MarkReader:
    """Owns the questions that are waiting."""

    def __init__(self, messages: MessageStore) -> None:
        self._messages = messages
        self._questions: list[_Question] = []
        self._wake = trio.Event()

    async def read(self, room_id: str, user_id: str) -> int | None:
        """A member's read mark as the store has it; None if the user is not a member. Any task may call it; waits.

        Raises:
            StoreError
        """
        question = _Question((room_id, user_id))
        self._questions.append(question)
        self._wake.set()
        await question.answered.wait()
        if question.failure is not None:
            raise StoreError(str(question.failure)) from question.failure
        return question.answer

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Answers until cancelled."""
        task_status.started()
        while True:
            await self._wake.wait()
            self._wake = trio.Event()
            while self._questions:
                asked, self._questions = self._questions[:_AT_ONCE], self._questions[_AT_ONCE:]
                await self._answer(asked)

    async def _answer(self, asked: list[_Question]) -> None:
        try:
            marks = await self._messages.read_marks([question.member for question in asked])
        except StoreError as error:
            for question in asked:
                question.failure = error
        else:
            for question, mark in zip(asked, marks, strict=True):
                question.answer = mark
        for question in asked:
            question.answered.set()
