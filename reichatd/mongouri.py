"""Finds the database in a MongoDB URI as the driver does. Pure, and without the driver, which takes long to import."""

from urllib.parse import quote, unquote_plus

_OF_THE_SERVER = {"admin", "config", "local"}
"""The server's own databases: in a URI they say where the login's user is defined, never where a store is."""
_FORBIDDEN = set('/\\. "$\0')


def database_in(uri: str) -> str:
    """The database for a store; "" if the URI names none."""
    name = _first_database(uri)
    return "" if name in _OF_THE_SERVER else name


def without_database(uri: str) -> str:
    """The same URI without the database, for a store whose database a setting names. The login still uses the same `authSource`.

    With mongodb+srv the TXT record has the authSource (Atlas: admin), which an option here would override.
    """
    scheme, _, rest = uri.partition("://")
    main, _, options = rest.partition("?")
    hosts = main.partition("/")[0]
    known = {option.partition("=")[0].lower() for option in options.split("&")}
    source = _first_database(uri)
    if "@" in hosts and source and "authsource" not in known and not scheme.endswith("+srv"):
        options = "&".join(filter(None, (options, f"authSource={quote(source, safe='')}")))
    return f"{scheme}://{hosts}/{'?' if options else ''}{options}"


def _first_database(uri: str) -> str:
    path = uri.partition("://")[2].partition("?")[0].partition("/")[2]
    # An unescaped "/" in a password: the driver refuses the URI, and the rest of the password must not be shown.
    if "@" in path:
        return ""
    name = unquote_plus(path).partition(".")[0]  # "database.collection" is allowed
    return "" if _FORBIDDEN & set(name) else name
