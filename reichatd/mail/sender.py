"""The sender's address."""

from email.headerregistry import Address
from email.utils import parseaddr


def parse_sender(text: str, name: str = "") -> Address:
    """The sender's address, from `name@example.org` or `Name <name@example.org>`.

    Arguments:
        name: the display name, if the text has none.

    Raises:
        ValueError: the text has neither form.
    """
    own_name, spec = parseaddr(text)
    local, _, domain = spec.rpartition("@")
    if not (local and domain and text.isprintable()):
        raise ValueError(f"not an address to send mail from: {text!r}")
    return Address(display_name=own_name or name, username=local, domain=domain)
