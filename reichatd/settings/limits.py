"""The table [limits]."""

from typing import Annotated, ClassVar

from msgspec import Meta

from reichatd.settings.kinds import Bytes, Count, OptionalLimit, Seconds
from reichatd.settings.tables import NewConnections, Reload, Table


class LimitSettings(Table, frozen=True):
    """Limits on sizes, rates and times, and the sizes of buffers."""

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
    """Lengths that users may choose, in characters: passwords, user names, and the ids, names and descriptions of rooms."""

    common_passwords: OptionalLimit = 10_000
    """How many of the most common passwords users may not choose. The list has 10,000. 0: they may choose any."""

    room_password_min: Annotated[int, Meta(ge=1, le=1024)] = 8
    """The shortest password that a room may get, in characters. Rooms that have a shorter one keep it."""

    invites_per_room: OptionalLimit = 50
    invite_days: Annotated[int, Meta(ge=1, le=3650)] = 7
    invite_days_max: Annotated[int, Meta(ge=1, le=3650)] = 365
    """How many valid invitations a room may have (0: no limit); how many days one is valid, if its creator does not say; and the
    most that the creator may say."""

    # Conversation
    message_chars: Annotated[int, Meta(ge=1, le=1_000_000)] = 5000
    """The longest message, in characters."""

    nonce_chars: Annotated[int, Meta(ge=1, le=1024)] = 64
    """The longest nonce, in characters. A nonce is an id that a client gives a message, so that a repeated message is stored once.
    The same limit applies to the field "request" of a fetch."""

    fetch_ids: Annotated[int, Meta(ge=1, le=100_000)] = 1000
    """How many message ids one fetch may ask for. A longer range is refused, because a shortened reply would look like the end of
    the room."""

    initial_before: Annotated[int, Meta(ge=0, le=10_000)] = 30
    initial_after: Annotated[int, Meta(ge=0, le=10_000)] = 50
    """How many messages before and after the last one read a client gets when it enters a room."""

    fetch_single_ids: Annotated[int, Meta(ge=1, le=1000)] = 100
    """How many single messages one fetch may ask for by their ids, for example those that others reply to."""

    deletes: Annotated[int, Meta(ge=1, le=1000)] = 100
    """How many messages one frame may delete."""

    mentions: Annotated[int, Meta(ge=0, le=1000)] = 50
    mentions_by_name: Annotated[int, Meta(ge=0, le=1000)] = 10
    room_mention_members: Annotated[int, Meta(ge=0, le=1_000_000)] = 50
    """How many users one message may mention; how many of them by "@name", where a client does not say whom it means; and up to
    how many members a room may have in which everyone may mention all of them at once. Owner and moderators may in any room."""

    reactions_per_message: Annotated[int, Meta(ge=0, le=1000)] = 20
    reactions_per_user: Annotated[int, Meta(ge=0, le=1000)] = 10
    reactions_shown_users: Annotated[int, Meta(ge=0, le=100)] = 5
    """How many different emojis a message may have, how many of them from one user, and how many of the users are named with each
    emoji."""

    reactions_live_listeners: Annotated[int, Meta(ge=0, le=1_000_000)] = 100
    reactions_seconds: Annotated[float, Meta(ge=0, le=60)] = 1.0
    """Where more clients than this listen to changes of a room, the reactions to a message are sent to them together, once in this
    time."""

    pins: Annotated[int, Meta(ge=0, le=10_000)] = 100
    """How many messages of a room may be pinned."""

    news_seconds: Annotated[float, Meta(ge=0, le=60)] = 1.0
    news_interval_seconds: Annotated[float, Meta(ge=0.01, le=60)] = 0.25
    """How often a client that follows all rooms of its user (/ws/user) is told that one room has something new, at most; and how
    long the daemon collects what it tells such clients, so that each of them gets it in one piece. The first news after a pause is
    sent at once."""

    typing_listeners: Annotated[int, Meta(ge=0, le=1_000_000)] = 100
    typing_names: Annotated[int, Meta(ge=1, le=100)] = 5
    typing_seconds: Annotated[float, Meta(ge=0.1, le=6)] = 1.0
    """Up to how many connections a room may have for clients to be told who is typing in it; how many users are named; and how
    often clients are told, at most."""

    presence_members: Annotated[int, Meta(ge=0, le=10_000)] = 100
    presence_seconds: Annotated[float, Meta(ge=0.1, le=3600)] = 5.0
    """Up to how many members a room may have for clients to be told which users have it open, and not only how many; and how often
    clients are told, at most."""

    changes_per_minute: Annotated[float, Meta(ge=0, le=1_000_000)] = 120.0
    changes_burst: Count = 60
    """How many changes (edits, deletions, reactions, pins) one user may make per minute (0: no limit), and how many at once after a
    pause. Each message of a deletion counts."""

    messages_per_second: Annotated[float, Meta(ge=0, le=1_000_000)] = 20.0
    messages_burst: Count = 100
    """How many messages one user may post per second (0: no limit), and how many at once after a pause: on all connections to this
    daemon together."""

    message_bytes_per_second: OptionalLimit = 65_536
    message_bytes_burst: Bytes = 1_048_576
    """The same in bytes. Each message counts with 128 bytes more than its text has in UTF-8. A long log that a person pastes fits
    into the default: a megabyte at once. 0: no limit."""

    posted_bytes_per_day: Annotated[int, Meta(ge=0, le=1_000_000_000_000)] = 52_428_800
    """How many bytes one user may post at once and then per day, counted in the same way. What was used is free again evenly in the
    course of a day. A restart forgets the count, and each daemon counts for itself. 0: no limit."""

    bad_frames_per_minute: Count = 30
    """How many invalid frames one connection may send per minute. With more, it is closed."""

    posts_in_flight: Annotated[int, Meta(ge=1, le=100_000)] = 256
    """How many messages of one connection may wait to be committed. With more, nothing is read from the connection until some
    are."""

    # Sockets
    frame_bytes: NewConnections[Bytes] = 65_536
    """The largest WebSocket message from a client, in bytes. It must hold message_chars in JSON's longest form."""

    frames_per_second: OptionalLimit = 50
    frames_burst: Count = 200
    frame_bytes_per_second: OptionalLimit = 262_144
    frame_bytes_burst: Bytes = 1_048_576
    """How many frames and bytes of any kind one WebSocket may send per second (0: no limit), and how many at once after a pause.
    Over it, the daemon reads nothing more from this WebSocket for a while; nothing is lost. frames_per_second must be well above
    messages_per_second."""

    handshake_seconds: Seconds = 10.0
    """How long the TLS handshake and the WebSocket handshake of a new connection may take, each."""

    ping_seconds: Seconds = 20.0
    pong_seconds: Seconds = 20.0
    """After how long a silent WebSocket gets a ping, and how long the client may take to answer it."""

    poll_seconds: Seconds = 30.0
    comment_seconds: Seconds = 20.0
    """How long a call that waits for new messages (a long poll) may wait, and how often a stream of events gets a comment, so that
    no proxy cuts it. Proxies must wait longer for each."""

    slow_reader_seconds: NewConnections[Seconds] = 30.0
    """How long a client may read nothing at all, of a WebSocket or a response, before it is cut. A WebSocket client that reconnects
    gets what it missed."""

    close_seconds: NewConnections[Seconds] = 2.0
    """How long the daemon waits for a client to complete the close of its WebSocket, before it cuts the connection."""

    send_buffer_bytes: NewConnections[Bytes] = 131_072
    """The kernel's send buffer for each WebSocket, in bytes (Linux doubles it). A larger buffer needs more memory, and helps slow
    clients."""

    # Abuse
    guesses_per_client: OptionalLimit = 60
    guesses_per_subject_and_client: OptionalLimit = 10
    """How many wrong passwords of accounts, wrong passwords of rooms, and wrong codes one client (an IPv4 address, or an IPv6 /64)
    may try in 5 minutes, of each kind: in all, and for one account or room (not for codes). 0: no limit."""

    password_checks_per_client: OptionalLimit = 600
    """How many passwords of accounts, and how many of rooms, the daemon checks for one client in 5 minutes, right ones included: to
    check one is work. Raise it if more than this many people behind one address log in at the same time. 0: no limit."""

    guesses_per_subject_hour: OptionalLimit = 50
    """How many passwords of one account or room all clients together may try per hour; one client at most half of them. A client
    that the account's owner has logged in from is exempt. 0: no limit."""

    codes_per_address_hour: OptionalLimit = 10
    """How many verification codes one client may try per hour for one e-mail address. 0: no limit."""

    totp_tries: OptionalLimit = 5
    totp_tries_per_day: OptionalLimit = 50
    """How many codes of a second factor, or recovery codes, one client, and all clients together, may try for one account in 5
    minutes and per day. Only someone who knows the password can try one. What others try does not count for a client that the
    account's owner has logged in from, and a right code counts for none. 0: no limit."""

    mails_per_client_hour: OptionalLimit = 20
    mails_per_address_hour: OptionalLimit = 3
    mails_per_address_day: OptionalLimit = 5
    """How many mails one client may cause per hour, and how many one e-mail address gets per hour and per day. Addresses that
    differ only in what follows a "+" are one. A registration of an address that has an account counts too. 0: no limit."""

    exports_per_user_day: OptionalLimit = 5
    """How many times a day one user may download their own data, for which all rooms are searched. 0: no limit."""

    rooms_per_user_hour: OptionalLimit = 10
    rooms_owned: OptionalLimit = 50
    """How many rooms one user may create per hour, and how many one user may own and still create another. Administrators may
    create any number. 0: no limit."""

    directs_per_user_hour: OptionalLimit = 30
    """How many direct conversations one user may begin per hour. 0: no limit."""

    blocks_per_user: OptionalLimit = 1000
    """How many users one user may block. 0: no limit."""
    app_passwords_per_user: Annotated[int, Meta(ge=0, le=1000)] = 10
    tokens_per_user: Annotated[int, Meta(ge=0, le=1000)] = 20
    """How many app passwords, and how many tokens for programs, one user may have. 0: none can be made."""

    refusal_seconds: Annotated[float, Meta(ge=0, le=60)] = 1.0
    """How long the answer 429 is held back, so that a client that tries again at once costs little."""

    connections_per_address: OptionalLimit = 1000
    strangers_per_address: OptionalLimit = 100
    """How many connections one client (an IPv4 address, or an IPv6 /64) may have open: of all kinds, and of those on which nobody
    has logged in yet. With more, its longest idle connection without a login is closed, or else the new one is refused. Behind a
    proxy in server.trusted_proxies, each of the proxy's clients is counted on its own; connections of Unix sockets are not. Raise
    both if many people share an address. 0: no limit."""

    sockets_per_user: OptionalLimit = 100
    """How many WebSockets, long polls and streams of events one user may have open, on all devices. Further WebSockets are closed
    with 1013 (try again later), further calls are refused with 429. Each tab of the web client has one WebSocket for each of up to
    20 rooms, and for the opened one; with too many, only for the opened one. 0: no limit."""

    # HTTP
    head_bytes: NewConnections[Bytes] = 16_384
    body_bytes: Bytes = 65_536
    """The largest head and the largest body of a request, in bytes."""

    answer_bytes: Annotated[int, Meta(ge=0, le=1_000_000_000_000)] = 67_108_864
    """How many bytes all large answers (from 64 KiB on) that are being sent may have together. A byte takes up to three in memory
    until its client has read it. Over it, another large answer is replaced by 503, and the client tries again. Lists that are sent
    in pieces, documents and files do not count. 0: no limit."""

    request_seconds: Seconds = 10.0
    """How long the head of a request may take to arrive, and then its body. A response has no such limit, as long as the client
    reads it (slow_reader_seconds)."""

    keep_alive_seconds: Seconds = 60.0
    """How long an idle HTTP connection stays open for the next request."""

    control_connections: Annotated[int, Meta(ge=1, le=1000)] = 8
    """How many administrators' commands may use server.control_socket at once."""

    # Rooms and commits
    tail_messages: Annotated[int, Meta(ge=1, le=1_000_000)] = 1000
    tail_bytes: Bytes = 1_048_576
    """How many messages, and how many bytes, of each active room are kept in memory, for clients that are a little behind. Older
    messages are read from the store."""

    all_tails_bytes: Annotated[int, Meta(ge=1024, le=1_000_000_000_000)] = 268_435_456
    """How many bytes the messages in memory of all active rooms may have together. Over it, the room that was quiet longest drops
    its own; they are read from the store when needed."""

    catch_up_bytes: Bytes = 65_536
    """How much is written to a WebSocket at once, in bytes, for a long reply or a client that is behind."""

    stalled_bytes: Annotated[int, Meta(ge=0, le=1_000_000_000_000)] = 268_435_456
    """How many bytes may wait in memory for all clients that do not take their replies, beside the kernel's buffers. Over it, the
    client that has stalled longest, and for a second at least, is closed with 1013. Each reply counts once, but takes up to three
    times as much memory while it is sent: with the default, up to 768 MiB. 0: no limit."""

    commit_posts: Annotated[int, Meta(ge=1, le=100_000)] = 1000
    """The most messages in one commit, of all rooms together. Further ones wait for the next commit."""

    commit_retry_seconds: Annotated[float, Meta(ge=0, le=300)] = 20.0
    """With MongoDB: for how long messages are tried again that could not be stored, for example while a replica set elects a new
    primary. Their senders wait for the answer. After that they are refused. No message is stored twice. 0: they are not tried
    again."""

    gap_seconds: Annotated[float, Meta(ge=0, le=60)] = 0.05
    """With several daemons on one store: how long a room that lacks messages of another daemon waits for them, until it reads
    them from the store itself. Most arrive within some milliseconds. It is also the time in which changes of messages that another
    daemon has made are collected, before they are read together."""

    follow_seconds: Annotated[float, Meta(ge=0, le=60)] = 0.1
    reconcile_seconds: Annotated[float, Meta(ge=0.1, le=3600)] = 5.0
    """With several daemons on one store: how long hints at what another daemon has changed are collected, before they are followed
    up together (the first one after a pause at once); and how often the daemon compares where the logs of active rooms end with the
    store, in case a hint was lost."""

    commit_interval_seconds: Annotated[float, Meta(ge=0, le=1)] = 0.004
    """The shortest time between the starts of two commits, in seconds. The first commit after a pause starts at once. A longer time
    saves CPU and disk if many rooms have a little traffic; a shorter one delivers their messages sooner. 0: no minimum."""
