"""What a load process is told to do, and what it tells in return: one JSON line each."""

import msgspec


class Latency(msgspec.Struct, frozen=True):
    """Milliseconds, of a sample; all 0 if nothing was measured."""

    p50: float = 0.0
    p99: float = 0.0
    most: float = 0.0


class _Spec(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """
    Arguments:
        port: on 127.0.0.1 unless `host` says otherwise.
        requests: request targets with their tokens; client i takes number i modulo their count.
        clients: how many connections.
        seconds: when to give up.
    """

    host: str = "127.0.0.1"
    port: int
    requests: list[str]
    clients: int
    seconds: float = 60.0


class Talk(_Spec, frozen=True, kw_only=True):
    """Some clients send, and deliveries are counted.

    Arguments:
        opening: a frame that each client sends first; "" for none.
        template: a message, in which @@ stands for the time and the padding.
        match: what marks a delivery among the bytes that come.
        senders: the first so many clients.
        messages: each sender's.
        window: how many of its own messages a sender leaves unanswered; 0: it sends `rate` a second, whatever comes back.
        answers: how many deliveries a sender gets for one round of messages, its own among them.
        readers: how many clients each message is delivered to.
        padding: bytes.
    """

    opening: str = '{"type":"listen_latest"}'
    template: str = '{"type":"message","content":"@@"}'
    match: str = '"type":"latest_message"'
    senders: int
    messages: int
    window: int = 0
    rate: float = 0.0
    answers: int
    readers: int
    padding: int = 60

    @property
    def expected(self) -> int:
        """How many deliveries there are in the end, over all clients."""
        return self.senders * self.messages * self.readers


class Join(_Spec, frozen=True, kw_only=True):
    """Clients connect, get their initial state, and listen.

    Arguments:
        at_once: how many are on their way at any time.
    """

    at_once: int = 64


class Fetch(_Spec, frozen=True, kw_only=True):
    """Each client in turn reads pages of history, one at a time.

    Arguments:
        last_id: of the log.
        page: ids in a page.
        pages: how many.
    """

    last_id: int
    page: int = 100
    pages: int


class Idle(_Spec, frozen=True, kw_only=True):
    """Clients connect, listen and are silent until the process is told to end."""

    at_once: int = 64


class Call(_Spec, frozen=True, kw_only=True):
    """GET requests over kept-alive connections, one at a time on each.

    Arguments:
        calls: how many in all.
    """

    calls: int


Spec = Talk | Join | Fetch | Idle | Call


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it.

    Arguments:
        count: deliveries, joins, pages, calls.
        lost: what was expected and did not come, or came as an error.
        elapsed: in seconds, from the first to the last.
    """

    count: int
    lost: int
    elapsed: float
    latency: Latency

    @property
    def per_second(self) -> float:
        return self.count / self.elapsed if self.elapsed else 0.0


def latency(milliseconds: list[float]) -> Latency:
    """Percentiles of a sample."""
    if not milliseconds:
        return Latency()
    ordered = sorted(milliseconds)
    return Latency(
        round(ordered[len(ordered) // 2], 2),
        round(ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)], 2),
        round(ordered[-1], 2),
    )
