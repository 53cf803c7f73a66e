"""What the web client shows of an instance: its name and its logo, in the page and in the manifest. Pure."""

import json
from collections.abc import Iterable
from html import escape
from string import Template

from reichatd.logo import Logo

MANIFEST = "web/manifest.webmanifest"
"""The URL of the manifest, relative to the page's. It has no version: an installed app asks for it again."""
_PAGE = "../"
"""The URL of the page, relative to the manifest's: a proxy may serve both below a path."""

_BACKGROUND = "#f4f2ee"
"""--side in app.css. A manifest has one colour: once the page is loaded, its own two (theme-color) are in force, light and dark."""

_ICONS = (
    ("icon-192.png", "192x192", "any"),
    ("icon-512.png", "512x512", "any"),
    ("icon-maskable.png", "512x512", "maskable"),
)


def page(template: str, name: str, logo: Logo | None, files: str, modules: Iterable[str]) -> str:
    """The page, from index.html.

    Arguments:
        files: the relative URL of the directory with the client's files.
        modules: the relative URLs of modules that every visit needs: a browser fetches them at once, and not one after another.
    """
    preloads = [f'<link rel="modulepreload" href="{url}">' for url in modules]
    icons = _links(logo, files)
    return Template(template).substitute(name=escape(name), icons="\n".join(icons), preloads="\n".join(preloads))


def _links(logo: Logo | None, files: str) -> list[str]:
    links = [f'<link rel="manifest" href="{MANIFEST}" crossorigin="use-credentials">']
    if logo is None:
        touch_icon = f"{files}/apple-touch-icon.png"
        links.append(f'<link rel="icon" href="{files}/icon.svg" type="image/svg+xml">')
    else:
        touch_icon = logo.path
        links.append(f'<link rel="icon" href="{logo.path}" type="{logo.content_type}" data-logo>')
    if not touch_icon.endswith(".svg"):  # Apple's devices take none
        links.append(f'<link rel="apple-touch-icon" href="{touch_icon}">')
    return links


def manifest(name: str, logo: Logo | None, files: str) -> bytes:
    """The manifest, with which browsers offer to install the client as an app."""
    if logo is None:
        icons = [
            {"src": f"{_PAGE}{files}/{file}", "sizes": sizes, "type": "image/png", "purpose": purpose}
            for file, sizes, purpose in _ICONS
        ]
    else:
        icons = [{"src": f"{_PAGE}{logo.path}", "sizes": logo.sizes, "type": logo.content_type, "purpose": "any"}]
    fields = {
        "name": name,
        "short_name": name,
        "start_url": _PAGE,
        "scope": _PAGE,
        "display": "standalone",
        "background_color": _BACKGROUND,
        "theme_color": _BACKGROUND,
        "icons": icons,
    }
    return json.dumps(fields, ensure_ascii=False).encode()
