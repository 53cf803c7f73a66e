"""Proofs for the keys that say when other daemons are followed."""

from pathlib import Path

from reichatd.store import Committed, Cutoff, Post, StoreUnavailable
from reichatd.store.feed import SessionEnded
from tests.mail.server import until
from tests.reload.proofs import proves
from tests.reload.running_parts import ROOM, RunningParts, running_parts


async def store(running: RunningParts, count: int) -> None:
    """Stores messages as another daemon does."""
    posts = [Post(ROOM, "ada", "text", 1_700_000_000.0) for _ in range(count)]
    await running.parts.store.messages.commit(posts, {})


@proves("limits.gap_seconds")
async def how_long_a_room_waits_for_messages(directory: Path, key: str) -> None:
    async with running_parts(directory, {key: 60.0}) as running, running.talk() as talk:
        await talk.start_listening()
        await store(running, 2)
        running.reload(key, 0.01)
        running.room.reaches(2)
        assert await talk.latest_ids(2) == [1, 2]  # with a minute it would come too late


@proves("limits.follow_seconds")
async def how_long_hints_are_collected(directory: Path, key: str) -> None:
    async with running_parts(directory, {key: 60.0}) as running:
        await running.nursery.start(running.parts.store_events.run)
        running.reload(key, 0.01)
        for name in ("ada", "bob"):
            async with running.talk(name) as talk:
                await talk.receive("initial_state")
                session_id = running.connection.session.session_id
                await running.parts.store.sessions.end(session_id)
                running.parts.store_events.tell([SessionEnded(session_id)])
                assert (await talk.closed())[0] == 4001  # with a minute the second one would come too late


@proves("limits.reconcile_seconds")
async def how_often_logs_are_compared(directory: Path, key: str) -> None:
    async with running_parts(directory, {key: 3600.0}) as running, running.talk() as talk:
        await talk.receive("initial_state")
        await running.nursery.start(running.parts.reconciliation.run, 3600.0)
        await store(running, 3)
        await running.parts.store.messages.expire(ROOM, Cutoff(keep=1), 10)
        running.reload(key, 0.1)
        await until(lambda: running.room.first_id == 3)


@proves("limits.commit_retry_seconds")
async def how_long_posts_are_tried_again(directory: Path, key: str) -> None:
    async with running_parts(directory, {key: 300.0}) as running, running.talk() as talk:
        messages = running.parts.store.messages
        messages.shared = True  # as in MongoDB

        async def commit(*_: object) -> Committed:
            raise StoreUnavailable("away")

        messages.commit = commit  # type: ignore[assignment, method-assign]
        running.reload(key, 0.0)
        assert (await talk.submit("text", "1"))["code"] == "unavailable"
