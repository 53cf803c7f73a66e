"""The REST interface: a Quart-Trio app, one blueprint a resource."""

from reichatd.api.app import create_app, set_limits

__all__ = ["create_app", "set_limits"]
