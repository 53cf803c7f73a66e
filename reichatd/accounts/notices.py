"""Mail that tells users what happened to their accounts."""

from typing import TYPE_CHECKING

import structlog
import trio

from reichatd.accounts import fields
from reichatd.errors import RateLimited, Unavailable
from reichatd.mail import MailText, compose
from reichatd.rate_limits import Action, network_of
from reichatd.store import StoreError

if TYPE_CHECKING:
    from reichatd.mail import Outbox
    from reichatd.rate_limits import RateLimiter
    from reichatd.store import User

log = structlog.get_logger()


class Notices:
    """Queues notices. Any task may call it."""

    def __init__(self, outbox: "Outbox", limiter: "RateLimiter") -> None:
        self._outbox = outbox
        self._limiter = limiter

    async def send(self, user: "User", text: MailText, *, client: str) -> None:
        """Queues a notice to the user's address.

        Raises nothing: what it tells has happened. A notice that is not sent is only logged.

        A cancelled caller waits too. Otherwise a client could prevent the notice by closing the connection.

        Arguments:
            client: the address that the change came from: what one client causes is limited.
        """
        to = fields.parse_email(user.email).deliverable
        try:
            # Not limited by what others do: a stranger could use up the mails of an address first, and then act unnoticed.
            with trio.CancelScope(shield=True):
                await self._limiter.require(Action.MAIL, client=client, subject=fields.mailbox(user.email), known=True)
            with self._outbox.reserve(to=to):
                message = compose(text, sender=self._outbox.sender, to=to, username=user.username)
                self._outbox.enqueue(message, group=network_of(client))
        except (RateLimited, Unavailable):
            log.info("notice not sent", user_id=user.user_id, subject=text.subject)
        except StoreError as error:  # of the limits
            log.error("notice lost", user_id=user.user_id, subject=text.subject, error=str(error))
