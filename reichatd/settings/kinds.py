"""The types of settings: each with its bounds and, where these say too little, with words for what is allowed."""

from typing import Annotated

from msgspec import Meta

Port = Annotated[int, Meta(ge=0, le=65535)]
Seconds = Annotated[float, Meta(gt=0, le=86_400)]
Count = Annotated[int, Meta(ge=1, le=1_000_000_000)]
OptionalLimit = Annotated[int, Meta(ge=0, le=1_000_000_000)]
"""0 is no limit."""
Bytes = Annotated[int, Meta(ge=1024, le=1_073_741_824)]
Text = Annotated[str, Meta(pattern=r"^[^\x00-\x1f\x7f]*\Z", extra={"allowed": "text without control characters"})]
Secret = Annotated[str, Meta(extra={"secret": True})]
SecretText = Annotated[
    str,
    Meta(
        pattern=r"^[^\x00-\x1f\x7f]*\Z",
        extra={"secret": True, "allowed": "text without control characters"},
    ),
]
Host = Annotated[str, Meta(pattern=r"^[^\s\x00-\x1f\x7f/@]+\Z", extra={"allowed": "a host name or an address"})]
Hosts = Annotated[
    # The items are checked in rules.py: msgspec 0.22 corrupts memory if a member of a union has a pattern (msgspec#717).
    str | tuple[str, ...],
    Meta(extra={"allowed": 'a host name, an address or "unix:/path/of/a.sock", or a list of them'}),
]
FilePath = Annotated[
    str,
    # Only a shell expands "~". Here it would be a directory of that name.
    Meta(pattern=r"^(?!~)[^\x00-\x1f\x7f]*\Z", extra={"allowed": "the path of a file, without ~"}),
]
Origin = Annotated[
    str,
    Meta(
        # As a browser sends it: lower case, nothing after the host and port, no port that is the scheme's default.
        pattern=r"^(?!http://.*:80\Z)(?!https://.*:443\Z)"
        r"(\*|[a-z][a-z0-9+.-]*://([a-z0-9._-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?)\Z",
        extra={"allowed": 'scheme://host[:port] as a browser sends it (https://chat.example.org), or "*"'},
    ),
]
PublicUrl = Annotated[
    str,
    Meta(
        pattern=r"^(https?://([A-Za-z0-9._-]+|\[[0-9a-fA-F:.]+\])(:[0-9]{1,5})?(/[A-Za-z0-9._~/-]*)?)?\Z",
        extra={"allowed": "http(s)://host[:port][/path]"},
    ),
]
IssuerUrl = Annotated[
    str,
    Meta(
        # OpenID Connect Discovery, 2: always https, and neither a query nor a fragment.
        pattern=r"^(https://([A-Za-z0-9._-]+|\[[0-9a-fA-F:.]+\])(:[0-9]{1,5})?(/[A-Za-z0-9._~%:/-]*)?)?\Z",
        extra={"allowed": "https://host[:port][/path]"},
    ),
]
OAuthScope = Annotated[
    str, Meta(pattern=r"^[!#-+\--\[\]-~]+\Z", extra={"allowed": "a word (RFC 6749, 3.3), without a comma"})
]
MailAddress = Annotated[
    str,
    Meta(
        pattern=r"^(?P<open>[^<>\"@,;:()\[\]\\\x00-\x1f\x7f]*<|\"[^\"\\\x00-\x1f\x7f]*\" ?<)?"
        r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*(?(open)>)\Z",
        extra={"allowed": "an address (chat@example.org), or a name and an address (Chat <chat@example.org>)"},
    ),
]
EhloName = Annotated[
    str,
    Meta(
        # RFC 5321, 4.1.2 and 4.1.3. rules.py checks the address in brackets.
        pattern=r"^(?:(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
        r"|\[(?:IPv6:)?[0-9A-Fa-f:.]+\])?\Z",
        extra={
            "allowed": "a full domain name (chat.example.org), or an address in brackets ([192.0.2.1], [IPv6:2001:db8::1])"
        },
    ),
]
MongoURI = Annotated[
    str,
    Meta(
        pattern=r"^mongodb(\+srv)?://[^\s\x00-\x1f\x7f]+\Z",
        extra={"secret": True, "allowed": "mongodb://… or mongodb+srv://…"},
    ),
]
DatabaseName = Annotated[
    str,
    Meta(
        max_length=63,
        pattern=r'^[^/\\. "$\x00-\x1f\x7f]*\Z',
        extra={"allowed": 'a name of 1 to 63 characters without / \\ . " $ or space'},
    ),
]
