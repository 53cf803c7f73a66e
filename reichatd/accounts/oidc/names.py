"""User names from what a provider tells. Pure."""

from typing import TYPE_CHECKING

from reichatd.accounts import fields
from reichatd.accounts.keys import new_id
from reichatd.errors import InvalidFields
from reichatd.text import is_word, normal

if TYPE_CHECKING:
    from reichatd.accounts.oidc.handshake import Person
    from reichatd.settings import LimitSettings


def username_of(person: "Person", limits: "LimitSettings") -> str:
    """A valid user name for a new user, who can change it: the first of the names that has enough letters and digits.

    Without one, it is the first part of the address, or a random name.
    """
    for name in (*person.names, person.email.partition("@")[0]):
        word = "".join(character for character in normal(name, len(name)) if is_word(character))[: limits.username_max]
        try:
            return fields.new_username(limits, word)
        except InvalidFields:
            continue
    return f"user{new_id()}"[: limits.username_max]
