"""What an administrator can do with users, rooms and messages, on a store with or without a running daemon."""

from reichatd.administration.administration import Administration
from reichatd.administration.records import Conclusion, DaemonFigures, Emit, Record, SettingRecord
from reichatd.administration.requests import Request

__all__ = ["Administration", "Conclusion", "DaemonFigures", "Emit", "Record", "Request", "SettingRecord"]
