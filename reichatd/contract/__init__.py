"""The public API's documentation, for programs and for people; generated from the types of the calls and the frames."""

from reichatd.contract.routes import publish

__all__ = ["publish"]
