"""`reichatd doctor`: looks at everything that a daemon stands on, and changes nothing."""

from reichatd.doctor.findings import Finding, Level
from reichatd.doctor.patient import Patient
from reichatd.doctor.runner import examine

__all__ = ["Finding", "Level", "Patient", "examine"]
