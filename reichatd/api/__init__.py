"""The REST interface: a Quart-Trio app, one blueprint a resource."""

from reichatd.api.app import create_app, create_monitor, set_limits

__all__ = ["create_app", "create_monitor", "set_limits"]
