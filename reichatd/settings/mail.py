"""[mail]."""

from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from reichatd.settings.kinds import Count, EhloName, FilePath, Host, MailAddress, Port, Seconds, Text
from reichatd.settings.tables import Reload, Table


class MailSettings(Table, frozen=True):
    """How verification codes reach people."""

    reload: ClassVar[Reload] = Reload.APPLIED

    backend: Literal["console", "smtp"] = "console"
    """"console" sends nothing and prints verification codes where the daemon was started; "smtp" sends them."""

    host: Host = "localhost"
    port: Port = 587
    """The mail server, and its port: 587 with "starttls", 465 with "tls", 25 with "none"."""

    tls: Literal["none", "starttls", "tls"] = "starttls"
    """How the connection is encrypted: "starttls", "tls" from the first byte, or "none", which takes no login off this
    machine."""

    username: Text = ""
    password_file: FilePath = ""
    """The login, if the server wants one, and a file with its password; set both or none."""

    sender: MailAddress = "reichatd <reichatd@localhost>"
    """The sender of mails."""

    ehlo: EhloName = ""
    """What the daemon calls itself to the mail server (EHLO): a full domain name, or an address in brackets ("[192.0.2.1]",
    "[IPv6:2001:db8::1]"). Empty: the domain of the sender, which a server that checks it should know."""

    timeout_seconds: Seconds = 30.0
    """How long one try may take."""

    attempts: Annotated[int, Meta(ge=0, le=100)] = 0
    """Tries before a mail is given up; 0: as many as fit into the time for which its code is valid, for servers that take no mail
    of a stranger before some minutes are over (greylisting)."""

    retry_seconds: Seconds = 10.0
    """The wait before the second try, which doubles from try to try, up to a minute."""

    queue: Count = 1000
    """Mails that may wait while the server is down; further ones are dropped, with a line in the log."""
