"""The whole of the settings: all tables, in the order of the file."""

from msgspec import field

from reichatd.settings.auth import Auth
from reichatd.settings.limits import Limits
from reichatd.settings.mail import Mail
from reichatd.settings.operations import Log, Metrics, Retention
from reichatd.settings.server import Server, Web
from reichatd.settings.storage import Storage
from reichatd.settings.tables import Table


class Settings(Table, frozen=True):
    """All of it."""

    server: Server = field(default_factory=Server)
    storage: Storage = field(default_factory=Storage)
    auth: Auth = field(default_factory=Auth)
    web: Web = field(default_factory=Web)
    mail: Mail = field(default_factory=Mail)
    limits: Limits = field(default_factory=Limits)
    retention: Retention = field(default_factory=Retention)
    log: Log = field(default_factory=Log)
    metrics: Metrics = field(default_factory=Metrics)
