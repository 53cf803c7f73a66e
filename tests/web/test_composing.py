"""The tools to write a message: the toolbar and its keys, and suggestions while typing."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, expect

from tests.web.test_look import check
from tests.web.test_reading import SELECT
from tests.web.visitor import Visitor

Visitors = Callable[..., Visitor]

RICH = """**bold** _italic_ ~~strike~~ `code` [a link](https://example.org/) www.example.org #lounge
> a quote
> > in a quote
- a list
  1) in a list
```python
print("a line of code that is longer than a phone is wide, so that it must be broken somewhere")
```"""


def select(field: Locator, text: str) -> None:
    """Selects this part of the text."""
    field.evaluate(
        """(field, text) => {
          const start = field.value.indexOf(text);
          field.focus();
          field.setSelectionRange(start, start + text.length);
        }""",
        text,
    )


def test_buttons_and_keys_format_the_text(visitor: Visitors) -> None:
    ada = visitor("ada")
    ada.register()
    ada.make_room("Lounge", "lounge")
    field, keyboard = ada.composer, ada.page.keyboard
    toolbar = ada.page.get_by_role("toolbar", name="Formatting")

    for keys, button, formatted in (
        ("Control+b", "Bold", "say **hello** now"),
        ("Control+i", "Italic", "say _hello_ now"),
        ("Control+Shift+x", "Strikethrough", "say ~~hello~~ now"),
        ("Control+e", "Code", "say `hello` now"),
        ("Control+Shift+9", "Quote", "> say hello now"),
        ("Control+Shift+8", "List", "- say hello now"),
    ):
        field.fill("say hello now")
        select(field, "hello ")
        toolbar.get_by_role("button", name=button).click()
        expect(field).to_have_value(formatted)
        expect(field).to_be_focused()
        keyboard.press(keys)  # the same again takes it away
        expect(field).to_have_value("say hello now")
        keyboard.press(keys)
        expect(field).to_have_value(formatted)
        keyboard.press("Control+z")
        expect(field).to_have_value("say hello now")

    field.fill("a\nb\nc")
    select(field, "b\nc")
    keyboard.press("Control+e")
    expect(field).to_have_value("a\n```\nb\nc\n```")
    keyboard.press("Control+z")
    select(field, "a\nb")
    keyboard.press("Control+Shift+8")
    expect(field).to_have_value("- a\n- b\nc")
    for text, part, linked, typed in (
        ("see this", "this", "see [this](https://)", "see [this](x)"),
        ("https://example.org", "https://example.org", "[](https://example.org)", "[x](https://example.org)"),
        ("", "", "[](https://)", "[x](https://)"),
    ):
        field.fill(text)
        select(field, part)
        keyboard.press("Control+Shift+u")
        expect(field).to_have_value(linked)
        keyboard.type("x")
        expect(field).to_have_value(typed)

    # A draft has what the buttons changed; the message is sent as it was written, and shown formatted.
    field.fill("**two** words")
    select(field, "words")
    keyboard.press("Control+b")
    ada.page.reload()
    expect(field).to_have_value("**two** **words**")
    field.press("Enter")
    expect(ada.page.locator(".feed .content strong")).to_have_text(["two", "words"])
    assert any('"**two** **words**"' in frame for frame in ada.sent)

    # What is copied is what was written.
    ada.context.grant_permissions(["clipboard-read", "clipboard-write"])
    field.fill("```\nx = 1\n```")
    field.press("Enter")
    ada.page.locator(".feed .code-block").hover()
    ada.page.get_by_role("button", name="Copy code").click()
    expect(ada.page.locator("#announcer")).to_have_text("Copied")
    assert ada.measured("navigator.clipboard.readText()") == "x = 1"
    ada.page.evaluate(SELECT, [1, 2])
    keyboard.press("Control+c")
    assert ada.measured("navigator.clipboard.readText()").partition("\n")[2] == "**two** **words**\n```\nx = 1\n```"
    field.focus()

    # With the keyboard: one stop of the tab key, then the arrow keys.
    field.press("Tab")
    expect(toolbar.get_by_role("button", name="Bold")).to_be_focused()
    keyboard.press("ArrowLeft")
    keyboard.press("ArrowRight")
    keyboard.press("ArrowRight")
    expect(toolbar.get_by_role("button", name="Italic")).to_be_focused()
    keyboard.press("Enter")
    expect(field).to_have_value("__")
    expect(field).to_be_focused()
    keyboard.type("so")
    expect(field).to_have_value("_so_")
    field.press("Tab")
    expect(toolbar.get_by_role("button", name="Italic")).to_be_focused()
    keyboard.press("Tab")
    expect(ada.page.get_by_role("button", name="Send")).to_be_focused()


@pytest.mark.parametrize(("phone", "dark"), [(False, True), (True, False)], ids=["desk-dark", "phone-light"])
def test_people_and_rooms_are_suggested(visitor: Visitors, phone: bool, dark: bool) -> None:
    ada, bob, barbara = visitor("ada", phone=phone, dark=dark), visitor("bob"), visitor("barbara")
    ada.register()
    for name, room_id in (("Reading circle", "reading"), ("Lounge", "lounge")):
        ada.go("#/")
        ada.make_room(name, room_id)
    for person in (bob, barbara):
        person.register()
        person.join("lounge")
    field = ada.composer
    listed = ada.page.get_by_role("listbox").get_by_role("option")
    box = ada.page.locator("#composer")
    ada.say(RICH)
    expect(ada.page.locator(".feed .code-block")).to_be_visible()

    field.press_sequentially("Hello (@b")
    expect(listed).to_have_text(["Bbarbara", "Bbob"])
    expect(listed.first).to_have_attribute("aria-selected", "true")
    expect(box).to_have_attribute("aria-expanded", "true")
    check(ada, f"{'phone' if phone else 'desk'}-{'dark' if dark else 'light'}-suggestions")
    box.press("ArrowUp")
    expect(box).to_have_attribute("aria-activedescendant", "completions-1")
    box.press("Enter")
    expect(box).to_have_value("Hello (@bob ")
    expect(listed).to_have_count(0)
    expect(box).not_to_have_attribute("aria-expanded", "true")
    field.press_sequentially("and @BA")
    expect(listed).to_have_text(["Bbarbara"])
    box.press("Tab")
    expect(box).to_have_value("Hello (@bob and @barbara ")
    field.press_sequentially("in #cir")
    expect(listed).to_have_text(["#Reading circlereading"])
    listed.first.click()
    expect(box).to_have_value("Hello (@bob and @barbara in #reading ")
    expect(box).to_be_focused()

    # Escape and a move of the caret close the list; a complete name is sent; no one is suggested for what is no name.
    for text in ("@b", "#lou"):
        field.fill(text)
        expect(listed).not_to_have_count(0)
        box.press("Escape")
        expect(listed).to_have_count(0)
        expect(box).to_have_value(text)
    field.fill("@b")
    expect(listed).to_have_count(2)
    box.press("ArrowLeft")
    expect(listed).to_have_count(0)
    for text in ("x@b", "@nobody", "#1", "http://b#lou"):
        field.fill(text)
        field.press_sequentially("o" if text.endswith("b") else "")
        expect(listed).to_have_count(0)
    field.fill("Thank you @bob")
    expect(listed).to_have_count(1)
    if not phone:
        box.press("Enter")
        expect(ada.page.locator(".feed .content").last).to_have_text("Thank you @bob")


@pytest.mark.parametrize(("phone", "dark"), [(False, False), (True, True)], ids=["desk-light", "phone-dark"])
def test_emoji_are_chosen_by_name_by_group_and_from_the_recent_ones(visitor: Visitors, phone: bool, dark: bool) -> None:
    ada = visitor("ada", phone=phone, dark=dark)
    ada.register()
    ada.make_room("Lounge", "lounge")
    kind = f"{'phone' if phone else 'desk'}-{'dark' if dark else 'light'}"
    page, field, keyboard = ada.page, ada.page.locator("#composer"), ada.page.keyboard
    picker = page.get_by_role("dialog", name="Emoji")
    cells = picker.get_by_role("gridcell")
    ada.say(RICH)
    expect(page.locator(".feed .code-block")).to_be_visible()
    if phone:
        page.get_by_role("button", name="Formatting").click()
    check(ada, f"{kind}-toolbar")

    def open_picker() -> None:
        page.get_by_role("toolbar").get_by_role("button", name="Emoji").click()
        expect(cells.first).to_be_visible()

    field.fill("Well done , thanks")
    field.evaluate("field => field.setSelectionRange(10, 10)")
    open_picker()
    expect(picker.get_by_role("tab", name="Smileys")).to_have_attribute("aria-selected", "true")
    check(ada, f"{kind}-emoji")
    search = picker.get_by_role("searchbox", name="Find emoji")
    search.fill("party pop")
    expect(cells).to_have_count(1)
    search.press("Enter")
    expect(picker).to_have_count(0)
    expect(field).to_have_value("Well done \U0001f389, thanks")
    expect(field).to_be_focused()

    open_picker()  # now there are recent ones
    expect(picker.get_by_role("tab", name="Recently used")).to_have_attribute("aria-selected", "true")
    expect(cells).to_have_text(["\U0001f389"])
    picker.get_by_role("tab", name="Recently used").press("ArrowRight")
    expect(picker.get_by_role("tab", name="Smileys")).to_be_focused()
    keyboard.press("ArrowDown")
    for key, column in (
        ("ArrowRight", 1),
        ("ArrowDown", 9),
        ("End", 15),
        ("Home", 8),
        ("Control+End", 170),
        ("PageUp", 130),
        ("ArrowUp", 122),
    ):
        keyboard.press(key)
        expect(cells.nth(column)).to_be_focused()
    keyboard.press("Control+Home")
    keyboard.press("ArrowUp")
    expect(search).to_be_focused()
    search.fill("nothing has this name")
    expect(picker.get_by_role("status")).to_have_text("0 emoji")
    check(ada, f"{kind}-no-emoji")
    search.fill("red heart")
    cells.first.click()
    expect(field).to_have_value("Well done \U0001f389\u2764\ufe0f, thanks")
    open_picker()
    expect(cells).to_have_text(["\u2764\ufe0f", "\U0001f389"])
    picker.get_by_role("tab", name="Flags").click()
    expect(cells).to_have_count(270)
    page.mouse.click(5, 5)
    expect(picker).to_have_count(0)
    assert field.evaluate("field => field.selectionStart") == len("Well done ") + 4  # in UTF-16

    field.fill("")
    field.press_sequentially("so :thumbs u")
    expect(page.get_by_role("option")).to_have_count(0)
    field.fill("")
    field.press_sequentially("so :thumbs_u")
    expect(page.get_by_role("option").first).to_have_text("\U0001f44dthumbs up")
    field.press("Enter")
    expect(field).to_have_value("so \U0001f44d ")
    field.press_sequentially(":tada:")
    expect(field).to_have_value("so \U0001f44d \U0001f389")
    keyboard.press("Control+z")
    expect(field).to_have_value("so \U0001f44d :tada:")
    keyboard.press("ArrowRight")  # the browser has selected what came back
    field.press_sequentially(" 12:30: :no-emoji: :D")
    expect(field).to_have_value("so \U0001f44d :tada: 12:30: :no-emoji: :D")


def test_emoji_have_names_in_the_language_of_the_interface(visitor: Visitors) -> None:
    ada = visitor("ada")
    ada.register()
    ada.make_room("Lounge", "lounge")
    ada.page.evaluate("() => localStorage.setItem('reichatd.language', 'de')")
    ada.page.reload()
    ada.page.get_by_role("toolbar").get_by_role("button", name="Emojis").click()
    picker = ada.page.get_by_role("dialog", name="Emojis")
    picker.get_by_role("searchbox", name="Emoji suchen").fill("konfetti")
    expect(picker.get_by_role("gridcell", name="konfettibombe")).to_be_visible()
    ada.page.route("**/emoji/*.json", lambda route: route.abort())
    ada.page.reload()
    ada.page.get_by_role("toolbar").get_by_role("button", name="Emojis").click()
    expect(picker.get_by_role("status")).to_have_text("Die Emojis konnten nicht geladen werden.")
