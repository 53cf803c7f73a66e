"""Combines settings from several sources, layer by layer: a later value overrides an earlier one. Pure."""

from collections.abc import Mapping
from typing import Any

from reichatd.mongouri import database_in
from reichatd.settings.environment import Found
from reichatd.settings.keys import KEYS, TABLES, Key, assemble, nearest
from reichatd.settings.problems import SettingsProblem
from reichatd.settings.root import Settings
from reichatd.settings.rules import broken_rules


class Layers:
    """Collects values for the keys, and all problems, so that an operator sees every mistake at once."""

    def __init__(self) -> None:
        self.problems: list[SettingsProblem] = []
        self.sources = dict.fromkeys(KEYS, "default")
        self._values: dict[str, Any] = {}
        self._doubtful: set[str] = set()  # keys that were set, but whose value was refused or cannot be known

    def put_credential(self, name: str, path: str) -> None:
        """Sets a key to the path of a credential from the service manager. A later layer may override it."""
        self._accept(name, path, f"credential {path.rpartition('/')[2]}")

    def put_file(self, data: Mapping[str, Any], file: str) -> None:
        """Adds the contents of a TOML file."""
        self._put_table(data, "", f"file {file}")

    def put_broken_file(self, problem: SettingsProblem) -> None:
        """Adds a file that cannot be read, in place of `put_file`: it may have set any key."""
        self.problems.append(problem)
        self._doubtful.update(KEYS)

    def put_environment(self, found: Mapping[str, Found], problems: list[SettingsProblem]) -> None:
        """Adds the result of `read_environment`."""
        self.problems += problems
        for name, (text, variable) in found.items():
            source = f"environment {variable}"
            try:
                value = KEYS[name].convert_text(text)
            except ValueError:
                self._refuse(KEYS[name], text, source)
            else:
                self._accept(name, value, source)

    def settings(self) -> Settings:
        """The settings from all layers. Afterwards `problems` is complete."""
        settings: Settings = assemble(self._values)
        if not settings.storage.mongodb.database and database_in(settings.storage.mongodb.uri):
            self.sources["storage.mongodb.database"] = "storage.mongodb.uri"
        for problem in broken_rules(settings, self._doubtful):
            self.problems.append(
                SettingsProblem(problem.key, problem.found, problem.allowed, self.sources[problem.key])
            )
        return settings

    def _put_table(self, data: Mapping[str, Any], prefix: str, source: str) -> None:
        for part, value in data.items():
            name = prefix + part
            if name in TABLES:
                if isinstance(value, dict):
                    self._put_table(value, f"{name}.", source)
                else:
                    self._doubtful.update(key for key in KEYS if key.startswith(f"{name}."))
                    # The value may be a secret in the wrong place, so it is not shown.
                    self.problems.append(SettingsProblem(name, "a value", f"a table: [{name}]", source))
            elif name in KEYS:
                self._put_value(KEYS[name], value, source)
            else:
                self._put_unknown(name, value, source)

    def _put_value(self, key: Key, value: object, source: str) -> None:
        try:
            converted = key.convert(value)
        except ValueError:
            self._refuse(key, value, source)
        else:
            self._accept(key.name, converted, source)

    def _put_unknown(self, name: str, value: object, source: str) -> None:
        similar = nearest(name, [*TABLES, *KEYS])
        if similar is not None:
            self._doubtful.update([f"{similar}.{part}" for part in value] if isinstance(value, dict) else [similar])
        found = "an unknown table" if isinstance(value, dict) else "an unknown key"
        allowed = f"{similar} is the nearest known one" if similar else "what `reichatd config show` lists"
        self.problems.append(SettingsProblem(name, found, allowed, source))

    def _accept(self, name: str, value: object, source: str) -> None:
        self._doubtful.discard(name)
        self._values[name] = value
        self.sources[name] = source

    def _refuse(self, key: Key, value: object, source: str) -> None:
        self._doubtful.add(key.name)
        self.problems.append(SettingsProblem(key.name, key.shown(value), key.allowed, source))
