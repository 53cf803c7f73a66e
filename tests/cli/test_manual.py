"""The man pages, which are generated and which formatters accept; and `reichatd help`."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from reichatd.cli import main
from reichatd.cli.manual.pages import PAGES, REVISED, source
from reichatd.cli.manual.prose import marked
from reichatd.cli.manual.roff import man_page
from reichatd.cli.manual.settings import documented, settings_page
from reichatd.settings.keys import KEYS

ROOT = Path(__file__).parent.parent.parent
DIRECTORY = ROOT / "etc" / "man"
TOPICS = sorted(PAGES)


def text_of(topic: str) -> str:
    return (DIRECTORY / PAGES[topic]).read_text(encoding="utf-8")


def call(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["help", *arguments])


@pytest.mark.parametrize("topic", TOPICS)
def test_the_committed_pages_are_those_that_the_sources_give(topic: str) -> None:
    assert text_of(topic) == man_page(source(topic), REVISED), "python -m reichatd.cli.manual"


def test_there_are_no_other_pages() -> None:
    assert {path.name for path in DIRECTORY.iterdir() if path.suffix != ".md"} == set(PAGES.values())


@pytest.mark.parametrize("topic", TOPICS)
@pytest.mark.parametrize(
    "command",
    [
        pytest.param(["man", "--warnings", "-E", "UTF-8", "-l"], id="man"),
        pytest.param(["mandoc", "-T", "lint"], id="mandoc"),
    ],
)
def test_formatters_print_no_warning(command: list[str], topic: str) -> None:
    if shutil.which(command[0]) is None:
        pytest.skip(f"no {command[0]} here")
    environ = os.environ | {"MANWIDTH": "80", "LC_ALL": "C.UTF-8"}
    done = subprocess.run([*command, DIRECTORY / PAGES[topic]], capture_output=True, text=True, env=environ)
    assert (done.returncode, done.stderr) == (0, "")
    if command[0] == "man":
        # A terminal of the usual width must not break lines that are to be copied.
        assert [line for line in done.stdout.splitlines() if len(line) > 80] == []
    else:
        assert done.stdout == ""


def test_every_command_is_in_the_manual_with_its_options() -> None:
    page = source("commands")
    for words, option in [("serve", "--config FILE"), ("user add", "--generate"), ("room ban", "--yes"), ("help", "")]:
        section = page.partition(f"\n### reichatd {words}\n")[2].partition("\n### ")[0]
        assert section
        assert f"`{option}`" in section or not option


def test_every_setting_is_in_the_manual_with_its_default() -> None:
    page = source("settings")
    for table, keys in _by_table().items():
        section = page.partition(f"\n### [{table}]\n")[2].partition("\n### ")[0]
        for key in keys:
            assert f"`{key}`" in section
    assert "*Default:* `8000`. *Allowed:* a whole number from 0 up to 65\\_535. A change needs a restart." in page


def _by_table() -> dict[str, list[str]]:
    tables: dict[str, list[str]] = {}
    for name in KEYS:
        table, _, key = name.rpartition(".")
        tables.setdefault(table, []).append(key)
    return tables


def test_keys_that_are_explained_together_share_an_item() -> None:
    annotated = '# All.\n\n\n[mail]\n\n# Where.\n# host = "localhost"\n# port = 587\n'
    head, mail = documented(annotated)
    assert (head.table, head.groups[0].prose, head.groups[0].keys) == ("", "All.", ())
    assert (mail.table, mail.groups[0].prose, mail.groups[0].keys) == ("mail", "Where.", ("mail.host", "mail.port"))
    page = settings_page([head, mail])
    assert '### [mail]\n\n- `host`, `port`: Where.\n\n  - `host`: *Default:* `"localhost"`.' in page


def test_everything_but_code_is_escaped() -> None:
    code = re.compile(r"`[^`]+`|--\w+")
    assert marked("*a* <b>\n  `c_d` --e [f]", code) == r"\*a\* \<b\> `c_d` `--e` \[f\]"


def test_text_that_looks_like_a_request_is_protected() -> None:
    page = man_page("# x(1): y\n\n## Z\n\n`.PP` and\n\n```\n.TH 'a' \\n -b\n```\n", REVISED)
    assert "\n\\fB.PP\\fR and\n" in page
    assert "\n\\&.TH \\(aqa\\(aq \\en \\-b\n" in page


@pytest.mark.parametrize("text", ["no title", "# x(1): y\n\n| a |\n|---|\n| b |\n", "# x(1): y\n\n![a](b)\n"])
def test_unsupported_markdown_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"not a title|not supported"):
        man_page(text, REVISED)


def test_every_exit_status_is_explained() -> None:
    statuses = re.findall(
        r"^[A-Z_]+: Final = (\d+)$", (ROOT / "reichatd/cli/exit_status.py").read_text("utf-8"), re.MULTILINE
    )
    section = source("operation").partition("\n## Exit status\n")[2].partition("\n## ")[0]
    assert set(statuses) - {"128"} == set(re.findall(r"^- `(\d+)`: ", section, re.MULTILINE))


@pytest.mark.parametrize("topic", TOPICS)
def test_help_shows_a_page(topic: str) -> None:
    result = call(topic)
    assert result.exit_code == 0
    assert "See also" in result.output
    assert "\x1b" not in result.output


def test_help_lists_its_topics() -> None:
    result = call()
    assert result.exit_code == 0
    for topic in TOPICS:
        assert f"reichatd help {topic} " in result.output


def test_help_shows_the_help_of_a_command() -> None:
    result = call("backup")
    assert result.exit_code == 0
    assert result.output.startswith("Usage: ")
    assert "backup [--force] FILE" in result.output


def test_help_lists_its_topics_if_there_is_no_such_topic() -> None:
    result = call("nothing")
    assert result.exit_code == 2
    assert "Topics: commands, settings, operation, protocol." in result.output
