"""The settings as they come together, layer upon layer: what is said last wins, what is wrong is kept. All pure."""

from collections.abc import Mapping
from typing import Any

from reichatd.mongouri import database_in
from reichatd.settings.environment import Found
from reichatd.settings.keys import KEYS, TABLES, Key, assemble, nearest
from reichatd.settings.problems import SettingsProblem
from reichatd.settings.root import Settings
from reichatd.settings.rules import broken_rules


class Layers:
    """Gathers values for the keys. Nothing is refused before `settings`, so that every error can be told at once."""

    def __init__(self) -> None:
        self.problems: list[SettingsProblem] = []
        self.sources = dict.fromkeys(KEYS, "default")
        self._values: dict[str, Any] = {}
        self._doubtful: set[str] = set()  # keys that somebody set, to what is not known

    def put_credential(self, name: str, path: str) -> None:
        """A file that the service manager has put before us, for a key that nobody else may have set."""
        self._accept(name, path, f"credential {path.rpartition('/')[2]}")

    def put_file(self, data: Mapping[str, Any], file: str) -> None:
        """Lays the contents of a TOML file over what there is."""
        self._put_table(data, "", f"file {file}")

    def put_broken_file(self, problem: SettingsProblem) -> None:
        """In place of `put_file` for a file that could not be read: it may have set any key."""
        self.problems.append(problem)
        self._doubtful.update(KEYS)

    def put_environment(self, found: Mapping[str, Found], problems: list[SettingsProblem]) -> None:
        """Lays what `read_environment` returned over what there is."""
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
        """The settings as they are now; `problems` has everything that is wrong with them."""
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
        meant = nearest(name, [*TABLES, *KEYS])
        if meant is not None:
            self._doubtful.update([f"{meant}.{part}" for part in value] if isinstance(value, dict) else [meant])
        found = "an unknown table" if isinstance(value, dict) else "an unknown key"
        allowed = f"{meant} is the nearest known one" if meant else "what `reichatd config show` lists"
        self.problems.append(SettingsProblem(name, found, allowed, source))

    def _accept(self, name: str, value: object, source: str) -> None:
        self._doubtful.discard(name)
        self._values[name] = value
        self.sources[name] = source

    def _refuse(self, key: Key, value: object, source: str) -> None:
        self._doubtful.add(key.name)
        self.problems.append(SettingsProblem(key.name, key.shown(value), key.allowed, source))
