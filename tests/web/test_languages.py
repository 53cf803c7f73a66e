"""The interface in German and in French, on a narrow phone: no English is left, and nothing is wider than the window."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, ViewportSize, expect

from tests.web.test_look import TOO_WIDE, check
from tests.web.texts import read_texts
from tests.web.visitor import PASSWORD, Visitor

Visitors = Callable[..., Visitor]

NARROW = ViewportSize(width=360, height=740)
WORDS = re.compile(
    r"\b(the|you|your|is|are|not|this|that|room|rooms|with|and|of|to|from|has|have|can|for|will|it|its|more|new)\b",
    re.I,
)

# What the page shows, and says to a screen reader: each text and attribute.
SHOWN = """
() => {
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const { parentElement, data } = walker.currentNode;
    if (!parentElement.closest("noscript, [lang]:not(html)") && parentElement.checkVisibility()) found.push(data.trim());
  }
  for (const element of document.querySelectorAll("body *")) {
    const names = element.checkVisibility() ? ["aria-label", "title", "placeholder", "alt"] : [];
    found.push(...names.map((name) => element.getAttribute(name)));
  }
  return found.filter(Boolean);
}
"""
OUTSIDE = """
() => [...document.querySelectorAll("button, a, h1, h2, h3, label, input, select, p")]
  .filter((element) => element.checkVisibility() && !element.closest(".visually-hidden, .skip"))
  .filter((element) => element.getBoundingClientRect().right > innerWidth + 1 || element.getBoundingClientRect().left < -1)
  .map((element) => element.outerHTML)
"""


class Walker:
    """A visitor who knows the interface by the keys of its texts."""

    def __init__(self, visitor: Visitor, language: str) -> None:
        self.visitor = visitor
        self.page = visitor.page
        self.language = language
        self.texts = read_texts().languages[language]
        self.page.set_viewport_size(NARROW)
        mine = {text.text for text in self.texts.values()}
        self._english = {text.text for text in read_texts().languages["en"].values() if not text.parameters} - mine

    def text(self, key: str, **values: str) -> str:
        """The text of this key, with these values in place of the samples."""
        text = self.texts[key].text
        for name, value in values.items():
            text = text.replace(f"<{name}>", value)
        return text

    def button(self, key: str, within: Locator | None = None) -> Locator:
        return (within or self.page).get_by_role("button", name=self.text(key), exact=True)

    def field(self, key: str, within: Locator | None = None) -> Locator:
        return (within or self.page).get_by_label(self.text(key), exact=True)

    @property
    def dialog(self) -> Locator:
        return self.page.get_by_role("dialog").last

    def open(self, key: str, title: str) -> None:
        """Opens a dialog by its button, looks at it, and closes it. title: the key of its heading."""
        self.button(key, self.dialog if self.dialog.count() else None).click()
        expect(self.dialog.get_by_role("heading", name=self.text(title, name="bob"))).to_be_visible()
        expect(self.dialog.get_by_text(self.text("common.loading"))).to_have_count(0)
        self.look()
        self.page.keyboard.press("Escape")

    def go(self, place: str) -> None:
        self.visitor.go(f"#/{place}")
        expect(self.page.get_by_text(self.text("common.loading"))).to_have_count(0)
        self.look()

    def look(self) -> None:
        """Looks for English, and for what is too wide."""
        self.page.evaluate("() => Promise.all(document.getAnimations().map((animation) => animation.finished))")
        assert self.page.locator("html").get_attribute("lang") == self.language
        shown = self.page.evaluate(SHOWN)
        assert [text for text in shown if text in self._english or WORDS.search(text)] == []
        assert self.page.evaluate(TOO_WIDE) == []
        assert self.page.evaluate(OUTSIDE) == []


@pytest.mark.parametrize(("language", "locale"), [("de", "de-DE"), ("fr", "fr-FR")])
def test_all_is_said_in_the_language_of_the_browser(visitor: Visitors, language: str, locale: str) -> None:
    ada, bob = visitor("ada", phone=True, locale=locale), visitor("bob")
    me, page = Walker(ada, language), ada.page

    # Without the file of the language, the page is in English.
    page.route(f"**/texts/{language}.js", lambda route: route.abort())
    page.goto(ada.url)
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    page.unroute_all()

    # Before login. Another language can be chosen there.
    page.goto(ada.url)
    expect(page.get_by_role("heading", name=me.text("common.logIn"))).to_be_visible()
    check(ada, f"phone-{language}-login")
    me.look()
    me.field("welcome.email").fill(ada.email)
    me.field("common.password").fill(PASSWORD)
    me.button("common.logIn").click()
    expect(page.get_by_role("alert")).not_to_be_empty()
    me.look()
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    page.get_by_role("button", name={"de": "Deutsch", "fr": "Français"}[language]).click()
    me.button("welcome.passwordForgotten").click()
    me.look()
    me.button("welcome.back").click()
    me.button("welcome.createAccount").click()
    me.field("welcome.email").fill("ada")
    me.button("register.submit").click()
    expect(me.field("welcome.email")).to_have_attribute("aria-invalid", "true")
    me.look()
    me.field("common.name").fill("ada")
    me.field("welcome.email").fill(ada.email)
    me.field("common.password").fill(PASSWORD)
    me.button("register.submit").click()
    me.field("common.code").fill(ada.code())
    me.look()
    me.button("common.verify").click()

    # Rooms.
    me.button("home.newRoom").click()
    me.button("roomForm.create").click()
    expect(me.field("common.name", me.dialog)).to_have_attribute("aria-invalid", "true")
    check(ada, f"phone-{language}-new-room")
    me.look()
    me.field("common.name", me.dialog).fill("Moulin")
    me.field("roomForm.id", me.dialog).fill("moulin")
    me.button("roomForm.create").click()
    expect(page.get_by_text(me.text("conversation.noMessages"))).to_be_visible()
    me.look()
    bob.register()
    bob.join("moulin")
    bob.say("Bonsoir")
    expect(page.locator(".feed .content")).to_have_text(["Bonsoir"])
    check(ada, f"phone-{language}-room")
    me.look()
    me.button("conversation.aboutRoom").click()
    expect(me.dialog.get_by_role("heading", name="Moulin")).to_be_visible()
    check(ada, f"phone-{language}-about")
    me.look()
    me.open("room.invite", "invites.title")
    me.open("room.auditLog", "room.auditLog")
    me.dialog.get_by_role("button", name="bob").click()
    expect(me.button("person.block")).to_be_enabled()
    check(ada, f"phone-{language}-person")
    me.look()
    me.open("moderation.mute", "moderation.muteWhom")
    me.open("moderation.ban", "moderation.banWhom")
    me.open("moderation.makeOwner", "transfer.makeOwner")
    page.keyboard.press("Escape")
    expect(me.dialog.get_by_role("heading", name="Moulin")).to_be_visible()
    me.open("common.leave", "leaving.room")
    me.button("conversation.aboutRoom").click()
    expect(me.dialog.get_by_role("heading", name="Moulin")).to_be_visible()
    me.open("common.edit", "roomForm.edit")

    # Everything else.
    me.go("")
    me.go("explore")
    me.go("room/aucun")
    me.go("settings/security")
    ada.screenshot(f"phone-{language}-security")
    me.open("secondFactor.turnOn", "secondFactor.turnOnTitle")
    me.go("settings/notifications")
    me.go("settings/programs")
    me.open("programs.newToken", "programs.newToken")
    me.open("programs.newAppPassword", "programs.newAppPassword")
    me.go("settings/data")
    me.open("data.deleteAccount", "data.question")
    me.go("settings/profile")
    me.open("profile.changeEmail", "profile.changeEmail")
    choose(me, "en", me.text("profile.changeLanguage"))
    expect(page.get_by_role("heading", name="Settings")).to_be_visible()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    choose(me, "", "Change language")
    me.button("common.logOut").click()
    expect(page.get_by_role("heading", name=me.text("common.logIn"))).to_be_visible()


def choose(me: Walker, language: str, submit: str) -> None:
    select = me.page.locator("select[id$=language]")
    select.select_option(language)
    me.page.get_by_role("button", name=submit).click()
