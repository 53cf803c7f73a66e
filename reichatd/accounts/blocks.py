"""Blocks: a blocked user can neither begin a direct conversation with the blocker nor post in one."""

from reichatd.accounts.dependencies import Dependencies
from reichatd.audit import Event
from reichatd.errors import TooManyBlocks, UserNotFound, Yourself
from reichatd.rights import UserActor
from reichatd.store import Block, BlockOutcome, User, users_with


class Blocks:
    """The users' blocks. Every method may be called from any task, and waits for the store."""

    def __init__(self, on: Dependencies) -> None:
        self._settings = on.settings
        self._store = on.store
        self._audit = on.audit

    async def add(self, by: UserActor, user_id: str) -> None:
        """Blocks a user. Nothing changes if that user is blocked.

        Raises:
            Yourself, UserNotFound, TooManyBlocks, StoreError
        """
        if user_id == by.user_id:
            raise Yourself
        if await self._store.users.by_id(user_id) is None:
            raise UserNotFound
        at_most = self._settings.limits.blocks_per_user
        match await self._store.blocks.add(Block(by.user_id, user_id), at_most):
            case BlockOutcome.BLOCKED:
                await self._audit.record(Event.BLOCKED, by, user_id=user_id)
            case BlockOutcome.TOO_MANY:
                raise TooManyBlocks

    async def remove(self, by: UserActor, user_id: str) -> None:
        """Ends a block. Nothing changes if there is none.

        Raises:
            StoreError
        """
        if await self._store.blocks.remove(by.user_id, user_id):
            await self._audit.record(Event.UNBLOCKED, by, user_id=user_id)

    async def of(self, by: UserActor) -> list[User]:
        """The users that this one has blocked, in the order of their ids.

        Raises:
            StoreError
        """
        return await users_with(self._store.users, await self._store.blocks.of_user(by.user_id))
