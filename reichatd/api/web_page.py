"""What the web client shows of an instance: its name and its logo, in the page and in the manifest. Pure."""

import json
from html import escape
from string import Template

from reichatd.logo import Logo

MANIFEST = "manifest.webmanifest"
"""Beside the page: a proxy may serve both below a path, and the manifest's URLs are relative to it."""

_BACKGROUND = "#f4f2ee"
"""--side in app.css. A manifest has one colour: once the page is loaded, its own two (theme-color) are in force, light and dark."""

_ICONS = (
    ("icon-192.png", "192x192", "any"),
    ("icon-512.png", "512x512", "any"),
    ("icon-maskable.png", "512x512", "maskable"),
)


def page(template: str, name: str, logo: Logo | None, files: str) -> str:
    """The page, from index.html.

    Arguments:
        files: the relative URL of the directory with the client's files.
    """
    return Template(template).substitute(name=escape(name), icons="\n".join(_links(logo, files)))


def _links(logo: Logo | None, files: str) -> list[str]:
    if logo is None:
        icon, touch_icon = ("image/svg+xml", f"{files}/icon.svg"), f"{files}/apple-touch-icon.png"
        own = ""
    else:
        icon, touch_icon = (logo.content_type, logo.path), logo.path if logo.suffix == ".png" else ""
        own = " data-logo"
    links = [f'<link rel="icon" href="{icon[1]}" type="{icon[0]}"{own}>']
    if touch_icon:  # an SVG cannot be one; without it the devices take the manifest's
        links.append(f'<link rel="apple-touch-icon" href="{touch_icon}">')
    return links


def manifest(name: str, logo: Logo | None, files: str) -> bytes:
    """The manifest, with which browsers offer to install the client as an app."""
    if logo is None:
        icons = [
            {"src": f"{files}/{file}", "sizes": sizes, "type": "image/png", "purpose": purpose}
            for file, sizes, purpose in _ICONS
        ]
    else:
        icons = [{"src": logo.path, "sizes": logo.sizes, "type": logo.content_type, "purpose": "any"}]
    fields = {
        "name": name,
        "short_name": name,
        "start_url": "./",
        "scope": "./",
        "display": "standalone",
        "background_color": _BACKGROUND,
        "theme_color": _BACKGROUND,
        "icons": icons,
    }
    return json.dumps(fields, ensure_ascii=False).encode()
