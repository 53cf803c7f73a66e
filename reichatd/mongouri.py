"""The database that a MongoDB URI names, as its driver reads it. Pure, and without the driver, which takes long to import."""

from urllib.parse import quote, unquote_plus

_OF_THE_SERVER = {"admin", "config", "local"}
"""The server's own: in a URI they say where its user is kept, and never where a store is."""
_FORBIDDEN = set('/\\. "$\0')


def database_in(uri: str) -> str:
    """The database for a store; "" where the URI names none."""
    name = _first_database(uri)
    return "" if name in _OF_THE_SERVER else name


def without_database(uri: str) -> str:
    """The same URI without it: a setting says which. Its user is still looked up where it was.

    By SRV that is left to the TXT record, which such servers have (Atlas: authSource=admin) and which an option would overrule.
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
    if (
        "@" in path
    ):  # a raw "/" in a password, which the driver refuses: what is behind it is no name, and not to be shown
        return ""
    name = unquote_plus(path).partition(".")[0]  # "database.collection" is allowed
    return "" if _FORBIDDEN & set(name) else name
