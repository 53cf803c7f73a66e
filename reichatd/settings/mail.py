"""The table [mail]."""

from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from reichatd.settings.kinds import Count, EhloName, FilePath, Host, MailAddress, Port, Seconds, Text
from reichatd.settings.tables import Reload, Table


class MailSettings(Table, frozen=True):
    """How verification codes are sent."""

    reload: ClassVar[Reload] = Reload.APPLIED

    backend: Literal["console", "smtp"] = "console"
    """"smtp" sends verification codes by mail. "console" sends no mail, and prints the codes on standard error."""

    host: Host = "localhost"
    port: Port = 587
    """The mail server, and its port: 587 with "starttls", 465 with "tls", 25 with "none"."""

    tls: Literal["none", "starttls", "tls"] = "starttls"
    """How the connection is encrypted: "starttls", "tls" (from the first byte), or "none". "none" allows a login only on this
    machine."""

    username: Text = ""
    password_file: FilePath = ""
    """The login at the mail server: the user name, and a file with the password. Set both or neither."""

    sender: MailAddress = "reichatd@localhost"
    """The sender address of mails. With an address alone, the sender's name is web.name."""

    ehlo: EhloName = ""
    """The name that the daemon gives the mail server (EHLO): a full domain name, or an IP address in brackets ("[192.0.2.1]",
    "[IPv6:2001:db8::1]"). Empty: the domain of the sender, which servers that check the name should know."""

    timeout_seconds: Seconds = 30.0
    """How long one attempt to send a mail may take."""

    attempts: Annotated[int, Meta(ge=0, le=100)] = 0
    """How many attempts are made for one mail. 0: as many as fit into the time for which its code is valid. Servers with
    greylisting accept the first mail of an unknown sender only after some minutes."""

    retry_seconds: Seconds = 10.0
    """The pause before the second attempt. It doubles after each attempt, up to a minute."""

    queue: Count = 1000
    """How many mails may wait to be sent. Further registrations are refused (503), and the log has a line for each."""
