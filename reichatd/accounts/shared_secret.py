"""The secret that all daemons on one store share: with another one, no token, code or second factor in the store is accepted."""

import trio

from reichatd.accounts.keys import Keys
from reichatd.store import OtherSecret
from reichatd.store.protocol import DaemonStore


async def require_shared_secret(store: DaemonStore, keys: Keys) -> None:
    """Returns if the store is used with this secret. The first daemon that uses a store decides which one that is.

    Raises:
        OtherSecret
        StoreError
    """
    offered = await trio.to_thread.run_sync(keys.fingerprint)
    found = await store.fingerprint(offered)
    if found != offered and not await trio.to_thread.run_sync(keys.has_fingerprint, found):
        raise OtherSecret("the store is used with another secret")
