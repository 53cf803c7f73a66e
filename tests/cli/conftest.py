from pathlib import Path

import pytest

from reichatd.cli import settings_loader


class Home:
    """The directories of a user, the site and the system. All are empty."""

    def __init__(self, root: Path) -> None:
        self.user = root / "user" / "reichatd" / "reichatd.toml"
        self.site = root / "site" / "reichatd" / "reichatd.toml"
        self.system = root / "etc" / "reichatd" / "reichatd.toml"
        self.data = root / "data" / "reichatd"
        self.environ = {
            "HOME": str(root),
            "XDG_CONFIG_HOME": str(root / "user"),
            "XDG_CONFIG_DIRS": str(root / "site"),
            "XDG_DATA_HOME": str(root / "data"),
        }


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    home = Home(tmp_path)
    for name, value in home.environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(settings_loader, "SYSTEM_DIRECTORY", home.system.parent)
    return home
