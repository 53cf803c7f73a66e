"""[limits]."""

from typing import Annotated, ClassVar

from msgspec import Meta

from reichatd.settings.kinds import Bytes, Count, Seconds
from reichatd.settings.tables import NewConnections, Reload, Table


class LimitSettings(Table, frozen=True):
    """How much, how large and how fast: for people, connections, requests and logs."""

    reload: ClassVar[Reload] = Reload.APPLIED

    # Accounts and rooms
    password_min: Annotated[int, Meta(ge=1, le=1024)] = 8
    password_max: Annotated[int, Meta(ge=8, le=4096)] = 128
    username_min: Annotated[int, Meta(ge=1, le=128)] = 3
    username_max: Annotated[int, Meta(ge=1, le=128)] = 32
    room_id_min: Annotated[int, Meta(ge=1, le=128)] = 3
    room_id_max: Annotated[int, Meta(ge=1, le=128)] = 32
    room_name_max: Annotated[int, Meta(ge=1, le=10_000)] = 100
    room_description_max: Annotated[int, Meta(ge=0, le=100_000)] = 1000
    """Accounts and rooms: what people may choose, in characters."""

    # Conversation
    message_chars: Annotated[int, Meta(ge=1, le=1_000_000)] = 5000
    """The longest message, in characters."""

    nonce_chars: Annotated[int, Meta(ge=1, le=1024)] = 64
    """The longest nonce: the name that a client gives a message to tell a repeated one. A fetch's request is no longer either."""

    fetch_ids: Annotated[int, Meta(ge=1, le=100_000)] = 1000
    """Ids in one fetch; a wider one is refused, since a shortened answer would look like the end of the log."""

    initial_before: Annotated[int, Meta(ge=0, le=10_000)] = 30
    initial_after: Annotated[int, Meta(ge=0, le=10_000)] = 50
    """Messages before and after the last one read that a client is greeted with."""

    messages_per_second: Annotated[float, Meta(ge=0, le=1_000_000)] = 20.0
    messages_burst: Count = 100
    """Messages a second from one connection (0: no limit), and how many may come at once after a pause."""

    bad_frames_per_minute: Count = 30
    """Frames a minute that make no sense before the connection is closed."""

    posts_in_flight: Annotated[int, Meta(ge=1, le=100_000)] = 256
    """Messages of one connection on their way to the disk before no more is read from it."""

    # Sockets
    frame_bytes: NewConnections[Bytes] = 65_536
    """The largest WebSocket message that is read, in bytes; room for message_chars in JSON's longest spelling."""

    handshake_seconds: Seconds = 10.0
    """How long a new connection may take to say what it wants."""

    ping_seconds: Seconds = 20.0
    pong_seconds: Seconds = 20.0
    """How often a WebSocket is asked whether it is alive, and how long it may take to answer."""

    slow_reader_seconds: NewConnections[Seconds] = 30.0
    """How long a reader, of a WebSocket or of an answer, may take nothing at all before it is cut; a WebSocket loses nothing when
    it comes back."""

    close_seconds: NewConnections[Seconds] = 2.0
    """How long a closed WebSocket is waited for before it is cut."""

    send_buffer_bytes: NewConnections[Bytes] = 131_072
    """The kernel's buffer for each WebSocket, in bytes (Linux doubles it): larger ones bridge slower readers and cost more
    memory."""

    # HTTP
    head_bytes: NewConnections[Bytes] = 16_384
    body_bytes: Bytes = 65_536
    """The largest request head and body that are read, in bytes."""

    request_seconds: Seconds = 10.0
    """How long a request's head may take to arrive, and then its body. Its answer may take as long as it is read
    (slow_reader_seconds)."""

    keep_alive_seconds: Seconds = 60.0
    """How long an idle connection is kept for the next request."""

    control_connections: Annotated[int, Meta(ge=1, le=1000)] = 8
    """Administrators' commands at once, by server.control_socket."""

    # Logs
    tail_messages: Annotated[int, Meta(ge=1, le=1_000_000)] = 1000
    tail_bytes: Bytes = 1_048_576
    """How much of each live room is kept in memory, for readers who are a little behind; the store has the rest."""

    catch_up_bytes: Bytes = 65_536
    """How much of a long answer, or of what a slow reader lacks, is handed to a socket at once, in bytes."""

    commit_posts: Annotated[int, Meta(ge=1, le=100_000)] = 1000
    """Messages in one commit, of all rooms together: what comes meanwhile waits for the next one."""

    commit_interval_seconds: Annotated[float, Meta(ge=0, le=1)] = 0.004
    """How far apart commits begin, in seconds, while one follows another; the first after a pause begins at once. More spares CPU
    and disk where many rooms have a little to say all the time, less brings their messages sooner. 0: no distance."""
