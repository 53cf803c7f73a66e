"""Renders the documents as HTML pages, without scripts and without resources of other hosts.

Links are relative, since a proxy may serve the daemon below a path. `root` is the relative URL from a page to that path.
"""

import re
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from reichatd import __version__
from reichatd.contract.schemas import JSON, REF

if TYPE_CHECKING:
    from reichatd.markdown import Node

_CODE = re.compile(r"`([^`]+)`")
_TITLES = {"receive": "What a client sends", "send": "What a client receives"}  # by the daemon's action
_LINK = re.compile(r"\[([^]]+)\]\((\w[\w/]*)\)")


class Section(NamedTuple):
    """A section of the guide."""

    id: str
    title: str
    text: Markup


class Field(NamedTuple):
    """A row of the table of an object's fields."""

    name: str
    type: str
    required: bool
    description: str


def rest(document: JSON) -> str:
    """Renders an OpenAPI document."""
    operations = [
        {"method": method.upper(), "path": path, **operation}
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    bodies = {
        content["schema"]["$ref"].removeprefix(REF)
        for operation in operations
        if "requestBody" in operation
        for content in operation["requestBody"]["content"].values()
    }
    return _render("rest.html", document, "", operations=operations, shown=bodies)


def websocket(document: JSON) -> str:
    """Renders an AsyncAPI document."""
    messages = document["components"]["messages"]
    sections = [
        (
            name,
            channel,
            {action: found for action in ("receive", "send") if (found := _messages_of(document, name, action))},
        )
        for name, channel in document["channels"].items()
    ]
    shown = {message["payload"]["$ref"].removeprefix(REF) for message in messages.values()}
    return _render("websocket.html", document, "../", sections=sections, titles=_TITLES, shown=shown)


def _messages_of(document: JSON, channel: str, action: str) -> dict[str, JSON]:
    """The messages of a channel that the daemon receives or sends, by key."""
    return {
        key: document["components"]["messages"][key]
        for key, operation in document["operations"].items()
        if operation["action"] == action and operation["channel"]["$ref"] == f"#/channels/{channel}"
    }


@cache
def guide() -> str:
    """Renders the guide for client authors. The first call may take 0.1 seconds: call it in a thread."""
    from reichatd.markdown import parsed  # Imported here for a faster start of the daemon.

    heading, *nodes = parsed((files(__package__) / "templates" / "guide.md").read_text(encoding="utf-8")).children
    starts = [index for index, node in enumerate(nodes) if node.tag == "h2"]
    sections = [
        Section(_id(title := _text(nodes[start])), title, _html(nodes[start + 1 : end]))
        for start, end in zip(starts, [*starts[1:], len(nodes)], strict=True)
    ]
    document = {"info": {"title": _text(heading), "version": __version__}}
    template = _environment().get_template("guide.html")
    return template.render(document=document, root="../", introduction=_html(nodes[: starts[0]]), sections=sections)


def _text(heading: "Node") -> str:
    return heading.children[0].content


def _id(title: str) -> str:
    return title.lower().replace(" ", "-")


def _html(nodes: Sequence["Node"]) -> Markup:
    from reichatd.markdown import html

    table = '<div class="wide" tabindex="0" role="group" aria-label="Table">{}</div>'
    return Markup("").join(Markup(table if node.type == "table" else "{}").format(Markup(html(node))) for node in nodes)


@cache
def style() -> bytes:
    """The style sheet of all pages."""
    return (files(__package__) / "templates" / "style.css").read_bytes()


def _render(template: str, document: JSON, root: str, **values: Any) -> str:  # noqa: ANN401 - Jinja's own
    components = document["components"]["schemas"]

    def fields(schema: JSON) -> list[Field]:
        return _fields(schema, components)

    return _environment().get_template(template).render(document=document, root=root, fields=fields, **values)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("reichatd.contract"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["inline"] = _inline
    environment.filters["prose"] = _prose
    environment.filters["json"] = _json
    return environment


def _fields(schema: JSON, components: JSON) -> list[Field]:
    if "$ref" in schema:
        schema = components[schema["$ref"].removeprefix(REF)]
    required = schema.get("required", ())
    return [
        Field(name, _type(each), name in required, _description(each))
        for name, each in schema.get("properties", {}).items()
    ]


def _type(schema: JSON) -> str:
    """A schema's type in a few words."""
    if "$ref" in schema:
        return str(schema["$ref"].removeprefix(REF))
    if "anyOf" in schema:
        return " or ".join(_type(each) for each in schema["anyOf"])
    if "enum" in schema:
        return " or ".join(msgspec.json.encode(value).decode() for value in schema["enum"])
    if schema["type"] == "array":
        return f"list of {_type(schema['items'])}"
    return f"{schema['type']}{_length(schema)}"


def _length(schema: JSON) -> str:
    least, most = schema.get("minLength"), schema.get("maxLength")
    if most is None:
        return ""
    return f", {least} to {most} characters" if least else f", at most {most} characters"


def _description(schema: JSON) -> str:
    return str(schema.get("description") or next((_description(each) for each in schema.get("anyOf", ())), ""))


def _prose(text: str, root: str = "") -> Markup:
    """Renders paragraphs with code and links."""
    return Markup("\n").join(Markup("<p>{}</p>").format(_inline(paragraph, root)) for paragraph in text.split("\n\n"))


def _inline(text: str, root: str = "") -> Markup:
    """Renders text with code and links."""
    html = _CODE.sub(r"<code>\1</code>", str(escape(text)))
    return Markup(_LINK.sub(rf'<a href="{root}\2">\1</a>', html))


def _json(value: Any) -> str:  # noqa: ANN401 - JSON
    return msgspec.json.format(msgspec.json.encode(value)).decode()
