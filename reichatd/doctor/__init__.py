"""`reichatd doctor`: looks at everything that a daemon stands on, and changes nothing."""

from reichatd.doctor.findings import Finding, Level
from reichatd.doctor.runner import examine
from reichatd.doctor.target import Target

__all__ = ["Finding", "Level", "Target", "examine"]
