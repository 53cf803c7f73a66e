"""Deletes messages for administrators: through the scribe of a running daemon, or in a store without one."""

from reichatd.audit import AuditLog
from reichatd.chat import moderation, refusals
from reichatd.chat.awaited_reply import AwaitedReply
from reichatd.chat.scribe import Scribe
from reichatd.settings import LiveSettings
from reichatd.store import Delete, Store


async def delete_by_scribe(scribe: Scribe, deletion: Delete) -> None:
    """Deletes in the next group commit, in order with all other changes. Waits until it is durable.

    A caller who is cancelled does not stop what is queued.

    Raises:
        MessageNotFound, RoomNotFound, Unavailable
    """
    reply = AwaitedReply()
    await scribe.change(deletion, reply)
    await reply.outcome()


async def delete_in_store(store: Store, settings: LiveSettings, deletion: Delete) -> None:
    """Deletes in a group commit of its own, and removes the former content from the store's files as far as it can.

    Only for a process that has the store to itself.

    Arguments:
        settings: those of the audit log.

    Raises:
        MessageNotFound, RoomNotFound, Unavailable, StoreError
    """
    committed = await store.messages.commit([], {}, [deletion])
    (answer,) = committed.changes
    if (error := refusals.of_change(answer)) is not None:
        raise error
    asked = [moderation.Asked(deletion, client="")]
    await moderation.record(AuditLog(store.audit, settings), moderation.moderated(asked, committed))
    await store.erasures.purge()
