"""Joins modules of the web client, so that a browser makes one request for them rather than a hundred in a row. Pure.

Each module becomes a function that runs once, after those of the modules that it imports, and returns what the module exports. This
takes the forms that the client uses, and refuses others: `import {…} from` or `import NAME from` a relative URL, and `export` at a
declaration of what is never assigned again. Modules do not import each other in a circle.
"""

import posixpath
import re
from collections.abc import Collection, Mapping

_IMPORT = re.compile(r'^import (?:\{([^}]*)\}|(\w+)) from "(\.[^"]+)";$', re.MULTILINE)
_EXPORT = re.compile(r"^export ((?:async )?(?:class|const|function) (\w+))", re.MULTILINE)
_OTHER_FORM = re.compile(r"^(?:import|export)\b.*", re.MULTILINE)


def in_order(modules: Mapping[str, str], entry: str) -> list[str]:
    """The names of the modules that `entry` needs, in the order in which they run: `entry` is the last.

    Arguments:
        modules: their sources by their names, such as `main.js` or `texts/en.js`.
    """
    order: dict[str, None] = {}

    def visit(name: str) -> None:
        if name not in order:
            for _, _, url in _IMPORT.findall(modules[name]):
                visit(_target(name, url))
            order[name] = None

    visit(entry)
    return list(order)


def joined(modules: Mapping[str, str], entry: str, apart: Collection[str]) -> str:
    """The source of a module that is `entry` together with all modules that it needs. Raises ValueError for an unknown form.

    Arguments:
        entry: a module without exports. Like each that is joined with it, it is not in a folder.
        apart: names of modules that are not joined, but imported.
    """
    names = in_order(modules, entry)
    imports = [f'import * as {_variable(name)} from "./{name}";' for name in names if name in apart]
    return "\n".join([*imports, *(_as_function(name, modules[name]) for name in names if name not in apart)])


def _as_function(name: str, source: str) -> str:
    exported = ", ".join(found[1] for found in _EXPORT.findall(source))
    body = _EXPORT.sub(r"\1", _IMPORT.sub(lambda found: _constants(name, found), source))
    if other := _OTHER_FORM.search(body):
        raise ValueError(f"{name}: {other[0]}")
    return f"\n// ./{name}\nconst {_variable(name)} = (() => {{\n{body}\nreturn {{ {exported} }};\n}})();"


def _constants(name: str, found: re.Match[str]) -> str:
    names, default, url = found.groups()
    fields = names.replace(" as ", ": ") if default is None else f"default: {default}"
    return f"const {{{fields}}} = {_variable(_target(name, url))};"


def _target(name: str, url: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(name), url))


def _variable(name: str) -> str:
    return "$" + re.sub(r"\W", "_", name)
