"""The command line: `reichatd COMMAND`. Each command is a module, imported only when it is called, so that `--help` is fast."""

from importlib import import_module
from typing import ClassVar, NamedTuple

import click

from reichatd import __version__


class _Entry(NamedTuple):
    target: str  # module:name of the click command
    help: str


class _Commands(click.Group):
    """The group of all commands. It imports a command when that is called."""

    entries: ClassVar[dict[str, _Entry]] = {
        "serve": _Entry("reichatd.cli.serve:serve", "Run the daemon until SIGTERM or Ctrl+C."),
        "reload": _Entry("reichatd.cli.reload:reload", "Make the running daemon read its settings again."),
        "config": _Entry(
            "reichatd.cli.config:config", "Write a settings file, check it, or show the settings in force."
        ),
        "service": _Entry(
            "reichatd.cli.service:service",
            "Install reichatd as a systemd service, or remove it.",
        ),
        "doctor": _Entry("reichatd.cli.doctor:doctor", "Find problems, and advise how to solve them."),
        "user": _Entry("reichatd.cli.user:user", "Add, show, verify, disable, delete, export users."),
        "room": _Entry("reichatd.cli.room:room", "Create, show, delete, transfer, export rooms; kick and ban."),
        "message": _Entry("reichatd.cli.message:message", "Show messages, and delete them."),
        "invite": _Entry("reichatd.cli.invite:invite", "Invite people to the server, or to a room."),
        "audit": _Entry("reichatd.cli.audit:audit", "Show the audit log."),
        "stats": _Entry("reichatd.cli.stats:stats", "Count users, rooms and messages, and the daemon's connections."),
        "backup": _Entry("reichatd.cli.backup:backup", "Back up everything into FILE. The daemon may run meanwhile."),
        "restore": _Entry(
            "reichatd.cli.backup:restore", "Restore a backup into an empty store, also one of another kind."
        ),
        "import": _Entry("reichatd.cli.import_:import_", "Import the users, rooms and messages of another program."),
        "retention": _Entry(
            "reichatd.cli.retention:retention", "Show or set how long messages are kept, and remove old ones."
        ),
        "secret": _Entry(
            "reichatd.cli.secret_commands:secret", "Replace the secret that tokens and codes are made with."
        ),
        "chat": _Entry("reichatd.cli.chat:chat", "Chat in this terminal, on any server."),
        "send": _Entry("reichatd.cli.send:send", "Post one message, for scripts: exit status 0 when it is stored."),
        "bench": _Entry("reichatd.cli.bench:bench", "Measure the performance of a daemon."),
        "help": _Entry("reichatd.cli.help:help_", "Show the manual: operation, settings, commands or protocol."),
    }

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.entries)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.entries:
            return None
        module, _, name = self.entries[cmd_name].target.partition(":")
        command = getattr(import_module(module), name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.help) for name, entry in self.entries.items()])


@click.command(cls=_Commands)
@click.version_option(__version__, prog_name="reichatd")
def main() -> None:
    """A chat daemon: rooms over REST and WebSocket, nothing lost."""
