"""The settings: each declared once, with its type, bounds, default, text for operators, and what a reload does with it.

    server, storage, auth, oidc, people, mail, limits, operations    the tables: the place to add a setting or change a default
    root          all tables together
    kinds         the types of values
    tables        the base class of the tables
    rules         checks of what a type cannot express: two keys together, or more than a pattern
    problems      a problem with the settings, and the exception
    keys          the keys by their full names
    layers, environment    combine values from credentials, a file and the environment
    live          the settings in force, which a reload replaces
    changes       compares and merges settings, for a reload
    prose, manual    generate `etc/reichatd.toml` from the tables

Settings are frozen and typed. Nothing in this package reads a file or the environment: `reichatd.cli.settings_loader` does.
"""

from reichatd.settings.auth import AuthSettings
from reichatd.settings.changes import Change, changes, merged, reload_of
from reichatd.settings.limits import LimitSettings
from reichatd.settings.live import LiveSettings
from reichatd.settings.mail import MailSettings
from reichatd.settings.oidc import OidcSettings
from reichatd.settings.operations import AuditSettings, LogSettings, MetricsSettings, RetentionSettings
from reichatd.settings.people import DirectSettings, EmailVisibility, MessageSettings, PrivacySettings, WhoMayBegin
from reichatd.settings.problems import SettingsError, SettingsProblem
from reichatd.settings.root import Settings
from reichatd.settings.server import ServerSettings, WebSettings
from reichatd.settings.storage import DEFAULT_DATABASE, MongoDBSettings, StorageSettings
from reichatd.settings.tables import HIDDEN, Reload

__all__ = [
    "DEFAULT_DATABASE",
    "HIDDEN",
    "AuditSettings",
    "AuthSettings",
    "Change",
    "DirectSettings",
    "EmailVisibility",
    "LimitSettings",
    "LiveSettings",
    "LogSettings",
    "MailSettings",
    "MessageSettings",
    "MetricsSettings",
    "MongoDBSettings",
    "OidcSettings",
    "PrivacySettings",
    "Reload",
    "RetentionSettings",
    "ServerSettings",
    "Settings",
    "SettingsError",
    "SettingsProblem",
    "StorageSettings",
    "WebSettings",
    "WhoMayBegin",
    "changes",
    "merged",
    "reload_of",
]
