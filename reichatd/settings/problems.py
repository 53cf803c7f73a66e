"""What is wrong with settings, and the exception that says so."""

import msgspec

from reichatd.settings.keys import printable


class SettingsProblem(msgspec.Struct, frozen=True):
    """One thing that is wrong with the settings; as text it is one line. It never holds the value of a secret.

    Arguments:
        key: `limits.message_chars`, or the name of an environment variable; empty for a file that is no TOML at all.
        found: what is there, in words or as TOML.
        allowed: what may be there.
        source: where it was found, as in `Loaded.sources`.
        text: the line itself, in place of these three: the value is allowed, but what it names cannot be used.
    """

    key: str
    found: str = ""
    allowed: str = ""
    source: str = ""
    text: str = ""

    def __str__(self) -> str:
        parts = (self.source, self.key, f"found {self.found}; allowed: {self.allowed}")
        return printable(self.text or ": ".join(part for part in parts if part))


class SettingsError(Exception):
    """The settings are not as they must be. `problems` has everything that is wrong with them."""

    def __init__(self, *problems: SettingsProblem) -> None:
        self.problems = problems
        super().__init__("\n".join(map(str, problems)))
