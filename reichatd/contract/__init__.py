"""The contract with clients, for programs and for people: made of the same types that the calls and the frames are made of."""

from reichatd.contract.routes import publish

__all__ = ["publish"]
