"""`reichatd doctor`: checks everything that a daemon depends on. Changes nothing."""

from reichatd.doctor.findings import Finding, Level
from reichatd.doctor.runner import examine
from reichatd.doctor.target import Target

__all__ = ["Finding", "Level", "Target", "examine"]
