"""The REST interface: a Quart-Trio app, one blueprint a resource."""

from reichatd.api.app import create_app

__all__ = ["create_app"]
