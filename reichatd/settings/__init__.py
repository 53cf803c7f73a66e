"""The settings: each declared once, with its type, bounds, default, text for operators, and what a reload does with it.

    server, storage, auth, mail, limits, operations    the tables, key by key: the place to add a setting or change a default
    root          all tables together
    kinds         what values may be
    tables        what a table is declared with
    rules         what a type cannot say: rules that take two keys, or more than a pattern
    problems      what is wrong with settings, and the exception that says so
    keys          the keys by their full names, as the tables declare them
    layers, environment    how values from credentials, a file and the environment become settings
    live          the settings in force, which a reload replaces
    changes       what a reload has to know
    prose, manual    `etc/reichatd.toml`, made from the tables

Frozen, typed and pure: nothing in this package reads a settings file or the environment. `reichatd.cli.settings_loader` does.
"""

from reichatd.settings.auth import AuthSettings
from reichatd.settings.changes import Change, changes, merged, reload_of
from reichatd.settings.limits import LimitSettings
from reichatd.settings.live import LiveSettings
from reichatd.settings.mail import MailSettings
from reichatd.settings.operations import LogSettings, MetricsSettings, RetentionSettings
from reichatd.settings.problems import SettingsError, SettingsProblem
from reichatd.settings.root import Settings
from reichatd.settings.server import ServerSettings, WebSettings
from reichatd.settings.storage import DEFAULT_DATABASE, MongoDBSettings, StorageSettings
from reichatd.settings.tables import HIDDEN, Reload

__all__ = [
    "DEFAULT_DATABASE",
    "HIDDEN",
    "AuthSettings",
    "Change",
    "LimitSettings",
    "LiveSettings",
    "LogSettings",
    "MailSettings",
    "MetricsSettings",
    "MongoDBSettings",
    "Reload",
    "RetentionSettings",
    "ServerSettings",
    "Settings",
    "SettingsError",
    "SettingsProblem",
    "StorageSettings",
    "WebSettings",
    "changes",
    "merged",
    "reload_of",
]
