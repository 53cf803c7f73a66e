"""Problems with settings, and the exception that reports them."""

import msgspec

from reichatd.settings.keys import printable


class SettingsProblem(msgspec.Struct, frozen=True):
    """One problem with the settings; as text, one line. It never contains a secret.

    Arguments:
        key: `limits.message_chars`, or the name of an environment variable; empty for a file that is not TOML.
        found: the value, in words or as TOML.
        allowed: which values are allowed.
        source: where the value comes from, as in `Loaded.sources`.
        text: the whole line, in place of these three. For a value that is allowed, but names something that cannot be used.
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
    """The settings cannot be used. `problems` has all reasons."""

    def __init__(self, *problems: SettingsProblem) -> None:
        self.problems = problems
        super().__init__("\n".join(map(str, problems)))
