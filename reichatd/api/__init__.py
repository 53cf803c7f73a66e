"""The REST interface: a Quart-Trio app, one blueprint a resource."""

from reichatd.api.app import create_app, create_monitor

__all__ = ["create_app", "create_monitor"]
