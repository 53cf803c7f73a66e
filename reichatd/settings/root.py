"""All settings: the tables, in the order of the file."""

from msgspec import field

from reichatd.settings.auth import AuthSettings
from reichatd.settings.limits import LimitSettings
from reichatd.settings.mail import MailSettings
from reichatd.settings.operations import AuditSettings, LogSettings, MetricsSettings, RetentionSettings
from reichatd.settings.people import DirectSettings, MessageSettings, PrivacySettings
from reichatd.settings.server import ServerSettings, WebSettings
from reichatd.settings.storage import StorageSettings
from reichatd.settings.tables import Table


class Settings(Table, frozen=True):
    """All settings of a daemon."""

    server: ServerSettings = field(default_factory=ServerSettings)
    storage: StorageSettings = field(default_factory=StorageSettings)
    auth: AuthSettings = field(default_factory=AuthSettings)
    web: WebSettings = field(default_factory=WebSettings)
    privacy: PrivacySettings = field(default_factory=PrivacySettings)
    direct: DirectSettings = field(default_factory=DirectSettings)
    messages: MessageSettings = field(default_factory=MessageSettings)
    mail: MailSettings = field(default_factory=MailSettings)
    limits: LimitSettings = field(default_factory=LimitSettings)
    retention: RetentionSettings = field(default_factory=RetentionSettings)
    audit: AuditSettings = field(default_factory=AuditSettings)
    log: LogSettings = field(default_factory=LogSettings)
    metrics: MetricsSettings = field(default_factory=MetricsSettings)
