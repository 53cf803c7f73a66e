"""The methods for users, and for what belongs to them."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from reichatd.store.records import (
    AppPassword,
    Attempt,
    Block,
    BlockOutcome,
    EmailChange,
    EmailOutcome,
    OidcAccount,
    RegisterOutcome,
    Registration,
    RotateOutcome,
    Session,
    Totp,
    User,
)


class UserStore(Protocol):
    """Registrations and the users they become."""

    async def register(self, registration: Registration, at_most: int) -> RegisterOutcome:
        """Stores a registration in addition to the others of its address, and removes the oldest ones beyond `at_most`."""

    async def pending(self, email: str) -> list[Registration]:
        """The registrations of an address, oldest first."""

    async def take_try(self, email: str, now: float, ends_at: float) -> Attempt | None:
        """Uses up one try of an address, and returns what to compare the code with; None if there is nothing.

        The try is counted before anything is compared, so that concurrent tries cannot exceed the limit. Tries are counted for the
        address, in a window of time: a further registration does not reset the count.

        Arguments:
            ends_at: the end of the window, if a new one begins now because the last one is over.
        """

    async def confirm(self, registration: Registration, user: User) -> User | None:
        """Turns this registration (same address, same `code_hash`) into `user`, and removes the others of the address.

        Returns:
            the user that it became: not `user`, but an earlier one, if the call is a repetition. None if there is no such
            registration, or if another one of the address has become a user.
        """

    async def by_id(self, user_id: str) -> User | None: ...

    async def by_ids(self, user_ids: Sequence[str]) -> list[User | None]:
        """One answer for each id, in the same order."""

    async def by_email(self, email: str) -> User | None: ...

    async def page(self, after: str, at_most: int) -> list[User]:
        """The users whose addresses come after this one, ordered by address without regard to ASCII case."""

    async def registrations(self, after: str, at_most: int) -> list[Registration]:
        """As `page`, for addresses that are not verified yet: all registrations of `at_most` addresses."""

    async def rename(self, user_id: str, username: str) -> bool:
        """False if there is no such user."""

    async def change_password(
        self, user_id: str, old_hash: str, new_hash: str, keep_session_id: str
    ) -> list[str] | None:
        """Changes the password hash from `old_hash`, ends the user's other login sessions and returns their ids.

        Tokens for programs stay valid. None, with nothing changed, if the hash is no longer `old_hash` or the user was deleted.
        """

    async def set_password(self, user_id: str, new_hash: str) -> list[str] | None:
        """Changes the password hash, ends all sessions, tokens for programs too, and removes app passwords and provider links.

        Returns:
            the ids of the sessions; None if there is no such user.
        """

    async def reset_password(self, user: User, new_hash: str) -> list[str] | None:
        """As `set_password`; None, with nothing changed, if the user's password hash or address is another by now."""

    async def change_email(self, user: User, email: str) -> EmailOutcome:
        """Changes the address, unless the user's password hash has changed. Also CHANGED if it is the user's address already."""

    async def disable(self, user_id: str) -> list[str] | None:
        """Ends all sessions and returns their ids; None if there is no such user. New sessions are not valid until `enable`."""

    async def enable(self, user_id: str) -> bool:
        """False if there is no such user."""

    async def delete(self, user_id: str) -> bool:
        """Removes a user with all sessions, second factor, app passwords, memberships, bans, blocks and registrations of the
        address.

        The user's messages stay, and so do owned rooms: transfer or delete those first. A direct conversation that no other user is
        in is deleted, since no one could come back to it. False if there was no such user. A call that ended in a StoreError may
        have removed a part; the next call removes the rest.
        """

    async def delete_and_erase(self, user_id: str) -> bool:
        """As `delete`, and notes that the user's messages are to be erased (`ErasureStore`)."""

    async def delete_unless_owner(self, user_id: str, *, erase: bool) -> bool:
        """As `delete`, or as `delete_and_erase`, of a user who owns no rooms. False, with nothing changed, for one who owns rooms.

        SQLite decides it in one step. MongoDB looks again after it has disabled the user; only a transfer by another user at the
        very moment of the deletion can leave a room without an owner. After a StoreError the user may be disabled.
        """

    async def delete_expired(self, now: float) -> int:
        """Removes registrations with `expires_at` at or before `now`; returns how many."""


class SessionStore(Protocol):
    """Login sessions."""

    async def create(self, session: Session) -> None:
        """Stores a session, unless there is one with this id."""

    async def create_token(self, session: Session, at_most: int) -> bool:
        """As `create`, for a token for programs; False, with nothing stored, if the user has `at_most` of them already."""

    async def get(self, session_id: str) -> tuple[Session, User] | None:
        """A session and its user, in one read; None if it has ended, or the user is deleted or disabled."""

    async def by_refresh_hash(self, refresh_hash: str) -> Session | None:
        """The session with this hash; None if `get` would return None."""

    async def living(self, session_ids: Sequence[str]) -> set[str]:
        """The ids among these that `get` would find."""

    async def of_user(self, user_id: str) -> list[Session]:
        """The user's sessions that `get` would find, oldest first."""

    async def is_known_network(self, email: str, network: str) -> bool:
        """Whether the user with this address has a session that `get` would find and that began in this network."""

    async def end(self, session_id: str) -> bool:
        """False if it had ended before."""

    async def end_some(self, user_id: str, session_ids: Sequence[str]) -> list[str]:
        """Ends those of these sessions that are the user's; returns the ids of those that had not ended before."""

    async def end_all(self, user_id: str) -> list[str] | None:
        """Ends all sessions of a user and returns their ids; None if there is no such user."""

    async def rotate(self, session_id: str, generation: int, now: float, grace: float) -> RotateOutcome:
        """Takes a refresh token of this generation, and makes the next generation the current one.

        A generation that the store does not know yet counts as the current one: an older backup was restored.

        Arguments:
            grace: for how many seconds the last but one generation may be presented again.
        """

    async def used(self, last_uses: Mapping[str, float]) -> None:
        """Notes when sessions were last in use, by session id; those that have ended are ignored."""

    async def delete_expired(self, now: float) -> int:
        """Removes sessions with `expires_at` at or before `now`; returns how many."""


class SecondFactorStore(Protocol):
    """The second factors of users: at most one for each."""

    async def get(self, user_id: str) -> Totp | None: ...

    async def begin(self, totp: Totp) -> bool:
        """Stores a factor that is not confirmed yet, in place of an earlier one. False if the user has a confirmed one."""

    async def confirm(self, totp: Totp) -> bool:
        """Stores the confirmed form of a factor. False if the user's factor has another secret by now, or is confirmed."""

    async def use_step(self, user_id: str, step: int) -> bool:
        """Uses up a time step and all before it. False if it was used up, or if the user has no confirmed factor."""

    async def use_recovery(self, user_id: str, code_hash: str) -> bool:
        """Uses up a recovery code. False if there is no such code, or no longer."""

    async def delete(self, user_id: str) -> bool:
        """False if there was none."""


class AppPasswordStore(Protocol):
    """The app passwords of users."""

    async def create(self, app_password: AppPassword, at_most: int) -> bool:
        """False, with nothing stored, if the user has `at_most` of them already."""

    async def of_user(self, user_id: str) -> list[AppPassword]:
        """Oldest first."""

    async def by_hash(self, user_id: str, password_hash: str) -> AppPassword | None: ...

    async def used(self, app_password_id: str, now: float) -> bool:
        """Notes a login with it. False if there is no such app password, or no longer."""

    async def delete(self, user_id: str, app_password_id: str) -> list[str] | None:
        """Removes it, ends the sessions that were begun with it and returns their ids; None if there is no such app password."""


class OidcStore(Protocol):
    """Which accounts at an OpenID provider belong to which users."""

    async def link(self, account: OidcAccount) -> str | None:
        """Says that an account belongs to `account.user_id`, unless it belongs to another user.

        Returns:
            the id of the user it belongs to now; None if there is no such user.
        """

    async def unlink(self, user_id: str, issuer: str) -> bool:
        """Removes this user's accounts at a provider; False if there were none."""

    async def user_of(self, issuer: str, subject: str) -> User | None:
        """The id of the user with this account at the provider; disabled users count."""

    async def of_user(self, user_id: str) -> list[OidcAccount]:
        """This user's accounts, by issuer and subject."""


class BlockStore(Protocol):
    """The blocks between users."""

    async def add(self, block: Block, at_most: int) -> BlockOutcome:
        """Stores a block, unless the user has blocked `at_most` others; 0 is no limit."""

    async def remove(self, user_id: str, blocked_id: str) -> bool:
        """False if there was no such block."""

    async def of_user(self, user_id: str) -> list[str]:
        """The ids of the users that this one has blocked, in their order."""

    async def exists(self, user_id: str, blocked_id: str) -> bool:
        """Whether `user_id` has blocked `blocked_id`."""


class EmailChangeStore(Protocol):
    """Changes of e-mail addresses that wait for their codes, at most one for each user."""

    async def put(self, change: EmailChange) -> None:
        """Stores a change, in place of the user's earlier one."""

    async def take_try(self, user_id: str) -> EmailChange | None:
        """Uses up one try of a user's change; returns it with the tries that it had before. None if there is no change.

        The try is counted before anything is compared, so that concurrent tries cannot exceed the limit.
        """

    async def delete_expired(self, now: float) -> int:
        """Removes changes with `expires_at` at or before `now`; returns how many."""
