"""A real replica set of several nodes for tests, which can lose each of them for a while."""

import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self, TypeVar

from pymongo import MongoClient
from pymongo.errors import PyMongoError
from pymongo.write_concern import WriteConcern

from tests.mongod import REPLICA_SET, Mongod

HEALTHY_SECONDS = 120.0
"""How long the set may take to be whole, beside other tests; alone it takes some seconds."""
_ANSWER_MS = 500
"""How long one node may take to say what it is. One that stands still does not say it."""
_POLL_SECONDS = 0.01
_FILLING_BYTES = 4_000_000

T = TypeVar("T")


class ReplicaSet:
    """The nodes of one set, each a `Mongod`. A context manager: at the end it kills them and removes their data.

    The methods block.

    Arguments:
        election_seconds: after how long without a primary the others elect a new one; 10 by MongoDB's own default.
        oplog_mb: the size of the log of operations of each node.
    """

    def __init__(self, nodes: int = 3, *, election_seconds: float = 2.0, oplog_mb: int = 32) -> None:
        self.nodes = [Mongod(replica_set=True, alone=False, oplog_mb=oplog_mb) for _ in range(nodes)]
        self._election_seconds = election_seconds
        self._clients: dict[Mongod, MongoClient[dict[str, Any]]] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            for node in self.nodes:
                stack.callback(node.__exit__, None, None, None)
            with ThreadPoolExecutor() as starting:
                list(starting.map(Mongod.__enter__, self.nodes))
            self._clients = {node: stack.enter_context(_client(node)) for node in self.nodes}
            self._initiate()
            self.wait_until_whole()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def uri(self) -> str:
        return f"mongodb://{','.join(node.address for node in self.nodes)}/?replicaSet={REPLICA_SET}"

    @property
    def primary(self) -> Mongod:
        """The node that takes writes now. Waits for it."""
        return self.next_primary()

    @property
    def secondaries(self) -> list[Mongod]:
        """All other nodes."""
        primary = self.primary
        return [node for node in self.nodes if node is not primary]

    def next_primary(self, before: Mongod | None = None) -> Mongod:
        """Waits for a primary that is another node than `before`; returns it."""
        return _poll(lambda: self._primary_but(before), "no node became primary")

    def step_down(self) -> Mongod:
        """Has the primary step down; returns it. Another node is elected soon, and this one not for some seconds."""
        primary = self.primary
        with MongoClient[dict[str, Any]](port=primary.port, directConnection=True) as client:
            client.admin.command({"replSetStepDown": 30, "secondaryCatchUpPeriodSecs": 10})
        return primary

    def forget_history(self) -> None:
        """Writes until the nodes' logs of operations have nothing left of what is in them now. All nodes must follow."""
        with MongoClient[dict[str, Any]](self.uri) as client:
            operations = client["local"]["oplog.rs"]
            (last,) = operations.find().sort("$natural", -1).limit(1)
            of_all = WriteConcern(w=len(self.nodes))
            filling = client["filling"].get_collection("filling", write_concern=of_all)
            while operations.find().sort("$natural", 1).limit(1)[0]["ts"] <= last["ts"]:
                filling.insert_one({"content": bytes(_FILLING_BYTES)})
                client.admin.command("fsync")  # only what a checkpoint has is removed
            client.drop_database("filling")

    def heal(self) -> None:
        """Starts all nodes again that were killed or stopped (SIGSTOP); returns when the set is whole."""
        for node in self.nodes:
            node.signal(signal.SIGCONT)
            if node.has_ended:
                node.restart()
        self.wait_until_whole()

    def wait_until_whole(self) -> None:
        """Waits until there is a primary, and all others follow it."""
        _poll(self._is_whole, "the set did not become whole")

    def _initiate(self) -> None:
        members = [{"_id": number, "host": node.address} for number, node in enumerate(self.nodes)]
        settings = {"electionTimeoutMillis": int(self._election_seconds * 1000), "heartbeatIntervalMillis": 500}
        with MongoClient[dict[str, Any]](port=self.nodes[0].port, directConnection=True) as client:
            client.admin.command("replSetInitiate", {"_id": REPLICA_SET, "members": members, "settings": settings})

    def _primary_but(self, before: Mongod | None) -> Mongod | None:
        return next(
            (node for node in self.nodes if node is not before and self._says(node).get("isWritablePrimary")), None
        )

    def _is_whole(self) -> bool:
        said = [self._says(node) for node in self.nodes]
        (primary, *others) = {each.get("primary") for each in said}
        return (
            primary is not None
            and not others
            and all(each.get("isWritablePrimary") or each.get("secondary") for each in said)
        )

    def _says(self, node: Mongod) -> dict[str, Any]:
        """What a node says it is; nothing if it does not answer."""
        if node.has_ended:
            return {}
        try:
            return self._clients[node].admin.command("hello")
        except PyMongoError:
            return {}


def _poll(found: Callable[[], T | None], failure: str) -> T:
    deadline = time.monotonic() + HEALTHY_SECONDS
    while not (result := found()):
        if time.monotonic() > deadline:
            raise RuntimeError(f"{failure} in {HEALTHY_SECONDS:g} s")
        time.sleep(_POLL_SECONDS)
    return result


def _client(node: Mongod) -> MongoClient[dict[str, Any]]:
    """A client of this node alone, which soon gives up."""
    options: dict[str, Any] = dict.fromkeys(
        ("socketTimeoutMS", "connectTimeoutMS", "serverSelectionTimeoutMS"), _ANSWER_MS
    )
    return MongoClient(port=node.port, directConnection=True, **options)
