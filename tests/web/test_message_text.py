"""The text of messages: what is mark-up and what is not, in a real browser; and no text makes more than that, or takes long."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from playwright.sync_api import Browser, Page

from tests.web.visitor import Visitor

Visitors = Callable[..., Visitor]

MOST_MS = 10
"""For 5,000 characters, in the time of the processor: the machine may do other things, too."""
CHARACTERS = 5000

ELEMENTS = {
    "A": {"href", "target", "rel", "title", "class"},
    "BDI": set[str](),
    "BLOCKQUOTE": set[str](),
    "BUTTON": {"type", "class", "aria-label", "title", "tabindex", "data-me"},
    "CODE": set[str](),
    "DIV": {"class"},
    "EM": set[str](),
    "LI": {"value"},
    "OL": {"class"},
    "PRE": set[str](),
    "S": set[str](),
    "SPAN": {"class"},
    "STRONG": set[str](),
    "UL": set[str](),
    "path": {"d"},
    "svg": {"viewBox", "class", "aria-hidden"},
}
CLASSES = {"mention", "parenthesis", "code-block", "code-language", "icon-button", "icon"}
REL = "noopener noreferrer nofollow"

SETUP = """
async () => {
  const base = document.querySelector("script[src]").src;
  const { messageText } = await import(new URL("message-text.js", base));
  const options = {
    people: [{ userId: "1", name: "Ada" }, { userId: "2", name: "bob" }],
    me: "2",
    roomName: (id) => ({ lounge: "The Lounge" })[id],
  };
  window.made = (text) => {
    const box = document.createElement("div");
    box.append(...messageText(text, options));
    return box;
  };
  const shown = (node) => {
    if (node.nodeType === Node.TEXT_NODE) return node.data;
    const inside = [...node.childNodes].map(shown).join("");
    const name = node.localName;
    if (name === "svg") return "";
    if (name === "a") return `<a ${node.getAttribute("href")}>${inside}</a>`;
    if (name === "li" && node.value) return `<li ${node.value}>${inside}</li>`;
    return node === window.box ? inside : `<${name}>${inside}</${name}>`;
  };
  window.shown = (text) => shown((window.box = window.made(text)));
  window.listed = (text) => {
    const all = [...window.made(text).querySelectorAll("*")];
    return all.map((each) => [each.tagName, Object.fromEntries([...each.attributes].map(({ name, value }) => [name, value]))]);
  };
  window.depth = (text) => {
    const below = (node) => 1 + Math.max(0, ...[...node.children].map(below));
    return below(window.made(text));
  };
  window.repeat = (text, runs) => {
    for (let run = 0; run < runs; run++) made(text);
  };
}
"""


@pytest.fixture
def page(visitor: Visitors) -> Page:
    """A page of the client; `shown` makes the text of a message in it."""
    ada = visitor("ada")
    ada.page.goto(ada.url)
    ada.page.evaluate(SETUP)
    return ada.page


def test_what_is_shown(page: Page) -> None:
    link = "<a https://example.org/>{}</a>"
    for text, shown in {
        "**bold** *italic* _italic_ ~~strike~~ `code`": "<strong>bold</strong> <em>italic</em> <em>italic</em> "
        "<s>strike</s> <code>code</code>",
        "**both _in_ one**": "<strong>both <em>in</em> one</strong>",
        "这是**粗体**文字": "这是<strong>粗体</strong>文字",
        # What people wrote before there was mark-up stays as it was.
        "one\n\n\nfour\n    indented\n\ttab  two": None,
        "¯\\_(ツ)_/¯ -_- a -_- *_* ^_^ b ^_^ >:( :* T_T * - # | --- *** > no": None,
        "2*3*4 2**3 + 4**5 __init__ a_b_c src/*.c lib/*.h f(*a, **b) C:\\*.txt": None,
        "+ 1": None,
        "-": None,
        "- - -": None,
        "1.": None,
        "```\n": None,
        "2026. A year": None,
        ">text": None,
        ">>> print(1)": None,
        "# no heading\n| a | b |\n|---|---|\n<b>&amp;</b> ![x]\n~~~\n***": None,
        "\\*a\\* **a * b ~~c": None,
        # A quote or an item ends with its line.
        "> a\n> *b*\nc": "<blockquote>a\n<em>b</em>\n</blockquote>c",
        "> > a\n\nb": "<blockquote><blockquote>a\n</blockquote></blockquote>b",
        "x\n- a\n  b\n- c\n  1. d\ne": "x\n<ul><li>a\nb\n</li><li>c\n<ol><li 1>d\n</li></ol></li></ul>e",
        "5. a\n3. b": "<ol><li 5>a\n</li><li 3>b</li></ol>",
        "```js\n *x*\n```\ny": "<div><span>js</span><button></button><pre><code> *x*\n</code></pre></div>y",
        "```\nx": "<div><button></button><pre><code>x\n</code></pre></div>",
        "```x```": "<code>x</code>",
        # Links show where they lead.
        "https://example.org/.": link.format("https://example.org/") + ".",
        "*https://example.org/*": f"<em>{link.format('https://example.org/')}</em>",
        "https://example.org/a_b_c*d*e": "<a https://example.org/a_b_c*d*e>https://example.org/a_b_c*d*e</a>",
        "(see www.example.org)": "(see <a https://www.example.org/>www.example.org</a>)",
        "请看https://example.org/。好": f"请看{link.format('https://example.org/')}。好",
        "mailto:a@example.org": "<a mailto:a@example.org>mailto:a@example.org</a>",
        "[t *i*](https://example.org/)": link.format("t <em>i</em>"),
        "[bank.example](https://example.org/)": link.format("bank.example<bdi> (example.org)</bdi>"),
        "[https://example.org](https://example.org/)": link.format("https://example.org"),
        "[v1.2](https://example.org/)": link.format("v1.2"),
        "[\u200b](https://example.org/)": link.format("https://example.org/"),
        "[t](javascript:alert) [t](/path) [t](data:x) www.x xhttps://a.b a.www.x.y javascript:x ftp://x.y": None,
        # People who are mentioned, and rooms that the reader knows.
        "@ada, @Bob! @eve x@ada _@ada_": "<button>@ada</button>, <button>@Bob</button>! @eve x@ada <em><button>@ada</button></em>",
        "#lounge #1 #none a#lounge": "<a #/room/lounge>#<bdi>The Lounge</bdi></a> #1 #none a#lounge",
    }.items():
        assert page.evaluate("text => shown(text)", text) == (text if shown is None else shown)


HOSTILE = [
    *"*_~`[]()<>@#-\n\\",
    *(
        "*a",
        "*a* ",
        "_a_",
        "~~a",
        "~~a~~",
        "**a _b ~~c ",
        "*_",
        "`a",
        "``",
        "> ",
        "> a\n",
        "> a\nb\n",
        "> - ",
        "- ",
        "- a\n",
    ),
    *(
        "1. a\n\n",
        "1) ",
        "- a\n\n  b\n",
        "```\n",
        "```\na\n```\n",
        "http://",
        "http://a](",
        "http://%/",
        "https://a[",
        "www.",
        "www.a.b ",
    ),
    *(
        "http://a.b(",
        "mailto:",
        "mailto:a@b ",
        "[a](",
        "[](x",
        "[a](http://b)",
        "[*a*](http://b.c)",
        "![a](b)",
        "@ada ",
        "#lounge ",
    ),
    *(
        "#lounge ",
        "\u202e*a*",
        "\u200b*",
        "\u2066",
        "\ud800*",
        "\U0001f600*",
        "\u0301",
        "\t- a\n",
        " a\n",
        "<b>",
        "&amp;",
        "\0",
    ),
]
FRAGMENTS = st.sampled_from(
    [*HOSTILE, "a", "Z9", " ", "é", "漢", "\n\n", "javascript:", "data:text/html,", "@Bob", "'", '"']
)
TEXTS = st.lists(st.one_of(FRAGMENTS, st.text(max_size=4)), max_size=60).map("".join)


def check_listed(page: Page, text: str) -> None:
    found: list[tuple[str, dict[str, str]]] = page.evaluate("text => listed(text)", text)
    for name, attributes in found:
        assert attributes.keys() <= ELEMENTS[name], (text, name, attributes)
        assert set(attributes.get("class", "").split()) <= CLASSES
        if name == "A" and attributes.get("class") != "mention":
            assert attributes["href"].partition(":")[0] in ("http", "https", "mailto"), text
            assert (attributes["target"], attributes["rel"]) == ("_blank", REL)
        elif name == "A":
            assert attributes["href"] == "#/room/lounge"


def words_of(text: str) -> str:
    return "".join(filter(str.isalnum, text))


@pytest.fixture
def measured(page: Page, browser: Browser) -> Callable[[str], float]:
    """Measures how long the page computes for a text, in milliseconds; the best of three."""
    processes = browser.new_browser_cdp_session().send("SystemInfo.getProcessInfo")["processInfo"]
    files = [Path(f"/proc/{each['id']}/schedstat") for each in processes if each["type"] == "renderer"]

    def used(file: Path, text: str, runs: int) -> int:
        """The nanoseconds that a process has computed meanwhile."""
        before = int(file.read_text().split()[0])
        page.evaluate("([text, runs]) => repeat(text, runs)", [text, runs])
        return int(file.read_text().split()[0]) - before

    of_page = max(files, key=lambda file: used(file, "*a* ", 2000))
    return lambda text: min(used(of_page, text, 4) for _ in range(3)) / 4e6


def test_any_text_is_harmless_complete_and_fast(page: Page, measured: Callable[[str], float]) -> None:
    check_elements(page)
    check_completeness(page)
    check_speed(measured)


def check_elements(page: Page) -> None:
    @settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
    @given(TEXTS)
    def check(text: str) -> None:
        check_listed(page, text)

    check()
    for text in HOSTILE:
        check_listed(page, text * 300)
        assert page.evaluate("text => depth(text)", text * 300) < 20


def check_completeness(page: Page) -> None:
    """Where there are no links, numbers or languages, all letters and digits are shown, in their order."""

    @settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.text("ab漢*_~`>- \n", max_size=80))
    def check(text: str) -> None:
        assert words_of(page.evaluate("text => made(text).textContent", text)) == words_of(text)

    check()


def check_speed(measured: Callable[[str], float]) -> None:
    texts = [(each * CHARACTERS)[:CHARACTERS] for each in HOSTILE]
    for before, behind in (("[", "]"), ("(", ")"), ("*_", "_*"), ("[*", "*](http://a)"), ("> ", "\n")):
        texts.append(before * (2490 // len(before)) + "x" + behind * (2490 // len(behind)))
    texts += ["".join("`" * count + " " for count in range(98)), "".join(" " * depth + "- a\n" for depth in range(96))]
    for text in texts:
        measured(text)  # the compiler has seen all paths
    assert {text[:40]: ms for text in texts if (ms := measured(text)) > MOST_MS} == {}

    @settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(FRAGMENTS, min_size=1, max_size=6).map("".join))
    def check(text: str) -> None:
        assert measured((text * CHARACTERS)[:CHARACTERS]) < MOST_MS

    check()
