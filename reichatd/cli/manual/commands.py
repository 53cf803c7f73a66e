"""Makes reichatd(1) from the help texts of the commands."""

import inspect
import re
import textwrap
from collections.abc import Iterator

import click

from reichatd.cli.manual.prose import marked

_HEAD = """\
# reichatd(1): the commands of the chat daemon

## Synopsis

```
reichatd [--version] [--help] COMMAND [ARGUMENT]...
```

## Description

`reichatd` runs a chat daemon and administers it. Each command has `--help`. reichatd(8) describes how to use them, and lists the
exit statuses. reichatd.toml(5) describes the settings that all of them read.

## Commands
"""
_FOOT = """
## See also

reichatd.toml(5), reichatd-protocol(7), reichatd(8)
"""
_USAGE_WIDTH = 70
_CODE = re.compile(r"`[^`]+`|(?<![\w-])--?[a-z][a-z-]*(?!\w)")
"""Text in backticks, and options."""


def commands_page(root: click.Command) -> str:
    """The page, in Markdown, for a command and all its subcommands that are not hidden."""
    context = click.Context(root, info_name="reichatd")
    return _HEAD + "".join(f"\n{block}\n" for block in _below(root, context)) + _FOOT


def _below(command: click.Command, context: click.Context) -> Iterator[str]:
    if not isinstance(command, click.Group):
        return
    for name in command.list_commands(context):
        each = command.get_command(context, name)
        assert each is not None
        if not each.hidden:
            inner = click.Context(each, info_name=name, parent=context)
            yield from _blocks(each, inner)
            yield from _below(each, inner)


def _blocks(command: click.Command, context: click.Context) -> Iterator[str]:
    yield f"### {context.command_path}"
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    usage = re.sub(r"\|(?=\S)", "| ", usage)  # so that a long choice can be wrapped there
    lines = textwrap.wrap(usage, _USAGE_WIDTH, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)
    yield "\n".join(["```", *lines, "```"])
    for paragraph in inspect.cleandoc(command.help or "").split("\n\n"):
        yield marked(paragraph, _CODE)
    options = [
        f"- {', '.join(f'`{name}`' for name in record[0].split(', '))}: {marked(record[1], _CODE)}"
        for parameter in command.params
        if isinstance(parameter, click.Option) and (record := parameter.get_help_record(context))
    ]
    if options:
        yield "\n".join(options)
