"""The specs of load processes, and their outcomes: one line of JSON each."""

import msgspec


class Latency(msgspec.Struct, frozen=True):
    """The latency of a sample, in milliseconds; all 0 if nothing was measured."""

    p50: float = 0.0
    p99: float = 0.0
    most: float = 0.0


class _Spec(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """
    Arguments:
        host, port: the address of the daemon.
        requests: request targets with their tokens; client i uses number i modulo their count.
        clients: number of connections.
        seconds: time limit.
    """

    host: str = "127.0.0.1"
    port: int
    requests: list[str]
    clients: int
    seconds: float = 60.0


class Talk(_Spec, frozen=True, kw_only=True):
    """A conversation: some clients send, and all count deliveries.

    Arguments:
        others: the ports of further daemons on its store: client i uses number i modulo their count, `port` being the first.
        opening: a frame that each client sends first; "" for none.
        template: a message; @@ stands for the time and the padding, ## for the time, %% for its number: from 1 on, each once.
        match: bytes that occur once in each delivery, and nowhere else.
        senders: number of clients that send, from the first on.
        messages: number that each sender sends.
        window: how many of its own messages a sender leaves unanswered; 0 to send without waiting for answers.
        rate: messages a second of each sender, with a window of 0.
        answers: deliveries to a sender for each round of messages, including its own.
        readers: number of clients that get each message.
        padding: in bytes.
    """

    others: list[int] = []
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
        """The number of deliveries to all clients."""
        return self.senders * self.messages * self.readers


class Join(_Spec, frozen=True, kw_only=True):
    """Clients connect, get their initial state, and listen.

    Arguments:
        at_once: how many connect at the same time.
    """

    at_once: int = 64


class Fetch(_Spec, frozen=True, kw_only=True):
    """A client reads pages of history, one after another.

    Arguments:
        last_id: the id of the last message in the log.
        page: messages in a page.
        pages: number of pages.
    """

    last_id: int
    page: int = 100
    pages: int


class Idle(_Spec, frozen=True, kw_only=True):
    """Clients connect, listen and stay silent until the standard input of the process ends."""

    at_once: int = 64


class Call(_Spec, frozen=True, kw_only=True):
    """GET requests over kept-alive connections, one at a time on each.

    Arguments:
        calls: number of requests in total.
    """

    calls: int


class Honest(_Spec, frozen=True, kw_only=True):
    """An honest user logs in, joins a room, talks there and reads the list of rooms, for `seconds`.

    Arguments:
        email, password: of the user.
        token: an access token of the user.
    """

    email: str
    password: str
    token: str


class Attack(_Spec, frozen=True, kw_only=True):
    """Clients attack for `seconds`; see `reichatd.bench.attacks`.

    Arguments:
        attack: the name of the attack.
        email: the address of the user whose secrets are guessed.
        token: an access token of the attacker.
        room: the id of a private room, whose password is guessed.
        spread: whether the clients have many addresses, not one.
    """

    attack: str
    email: str
    token: str
    room: str
    spread: bool = False


Spec = Talk | Join | Fetch | Idle | Call | Honest | Attack


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a load process.

    Arguments:
        count: deliveries, joins, pages or calls.
        lost: those that did not come, or came as errors.
        elapsed: seconds from the first to the last.
    """

    count: int
    lost: int
    elapsed: float
    latency: Latency

    @property
    def per_second(self) -> float:
        return self.count / self.elapsed if self.elapsed else 0.0


class HonestOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What an honest user felt: the outcome of each action, by its name."""

    actions: dict[str, Outcome]


class AttackOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """How often each thing happened in an attack: an HTTP status, a connection that was made or cut."""

    outcomes: dict[str, int]


def latency(milliseconds: list[float]) -> Latency:
    """The percentiles of a sample."""
    if not milliseconds:
        return Latency()
    ordered = sorted(milliseconds)
    return Latency(
        round(ordered[len(ordered) // 2], 2),
        round(ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)], 2),
        round(ordered[-1], 2),
    )
