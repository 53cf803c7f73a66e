"""What a client says of itself, in short. Pure."""

import re

MOST_CHARS = 80

_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR", "Opera"),
    ("Vivaldi", "Vivaldi"),
    ("SamsungBrowser", "Samsung Internet"),
    ("Firefox", "Firefox"),
    ("FxiOS", "Firefox"),
    ("CriOS", "Chrome"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
)
"""Words of a User-Agent header, and the browsers they mean. The order matters: Edge also says Chrome and Safari."""

_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


def device_of(user_agent: str) -> str:
    """The browser and the system that a User-Agent header names ("Firefox on Linux"), or the program; "" if it names none."""
    browser = next((name for word, name in _BROWSERS if f"{word}/" in user_agent), "")
    if not browser or not user_agent.startswith("Mozilla/"):
        program = re.match(r"[\w.+-]+", user_agent, re.ASCII)
        return program[0][:MOST_CHARS] if program else ""
    system = next((name for word, name in _SYSTEMS if word in user_agent), "")
    return f"{browser} on {system}" if system else browser
