"""`reichatd help`: shows the manual, also on systems without man."""

import sys

import click

from reichatd.cli.manual.pages import PAGES, source
from reichatd.cli.manual.roff import title_of

_WIDEST = 100


@click.command("help")
@click.argument("topic", metavar="[TOPIC]", required=False)
@click.pass_context
def help_(context: click.Context, topic: str | None) -> None:
    """Show the manual: operation, settings, commands or protocol.

    Without TOPIC, it lists the pages. With the name of a command, it shows the help of that command.
    """
    assert context.parent is not None
    main = context.parent.command
    assert isinstance(main, click.Group)
    if topic in PAGES:
        _show(source(topic))
    elif topic is not None and (command := main.get_command(context.parent, topic)):
        click.echo(command.get_help(click.Context(command, info_name=topic, parent=context.parent)))
    elif topic is not None:
        raise click.UsageError(f"no such topic or command: {topic}. Topics: {', '.join(PAGES)}.")
    else:
        for name in PAGES:
            title = title_of(source(name))
            click.echo(f"reichatd help {name:<10}  {title.purpose} ({title.name}({title.section}))")


def _show(text: str) -> None:
    from rich.console import Console
    from rich.markdown import Markdown

    console = Console()
    console.width = min(console.width, _WIDEST)
    with console.capture() as capture:
        console.print(Markdown(text, code_theme="bw"))
    if sys.stdout.isatty():
        click.echo_via_pager(capture.get(), color=True)
    else:
        click.echo(capture.get())
