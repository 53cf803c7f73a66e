"""The texts of the interface are complete in all languages, and follow the rules of each. Without a browser."""

import re
from collections.abc import Iterator
from typing import get_args

import pytest

from reichatd.api.web import FILES
from reichatd.chat.frames import ErrorCode
from reichatd.errors import ReichatError
from tests.web.texts import Text, read_texts

OF_THE_SERVER = ("refusals.", "fieldProblems.")  # sentences that the server sends in English

# Texts that are the same in English and in another language.
SAME = {
    "common.code",
    "common.name",
    "conversation.label",
    "conversation.messages",
    "conversation.offline",
    "goToDate.date",
    "home.mentions",
    "invitation.link",
    "invitation.title",
    "invites.link",
    "people.roles.moderator",
    "person.message",
    "person.title",
    "programs.token",
    "programs.tokens",
    "register.nameHint",
    "room.notifications",
    "roomForm.description",
    "roomForm.id",
    "secondFactor.secret",
    "security.sessions",
    "settings.parts.notifications",
    "welcome.email",
    "writing.control",
    "writing.formats.code",
    "writing.formats.link",
    "writing.label",
}


def own(texts: dict[str, Text]) -> dict[str, Text]:
    return {key: text for key, text in texts.items() if not key.startswith(OF_THE_SERVER)}


def of_the_server(texts: dict[str, Text]) -> dict[str, Text]:
    return {key: text for key, text in texts.items() if key.startswith(OF_THE_SERVER)}


def codes(error: type[ReichatError]) -> Iterator[str]:
    yield error.code
    for kind in error.__subclasses__():
        yield from codes(kind)


@pytest.mark.parametrize("language", ["de", "fr"])
def test_each_language_has_the_texts_and_values_of_english(language: str) -> None:
    english, texts = own(read_texts().languages["en"]), own(read_texts().languages[language])
    assert texts.keys() == english.keys()
    assert {key: text.parameters for key, text in texts.items()} == {
        key: text.parameters for key, text in english.items()
    }
    assert {key: text.used for key, text in texts.items()} == {key: text.used for key, text in english.items()}
    assert [key for key, text in texts.items() if not text.text] == []
    assert {key for key, text in texts.items() if text.text == english[key].text} - SAME == set()


def test_the_sentences_of_the_server_are_translated_by_their_codes() -> None:
    languages = read_texts().languages
    assert of_the_server(languages["en"]) == {}, "the server's own sentences are English"
    german, french = of_the_server(languages["de"]), of_the_server(languages["fr"])
    assert german.keys() == french.keys()
    assert {key: text.used for key, text in german.items()} == {key: text.used for key, text in french.items()}
    known = {key.removeprefix("refusals.") for key in german if key.startswith("refusals.")}
    in_daemon = set(codes(ReichatError)) | {code for each in get_args(ErrorCode) for code in get_args(each) or [each]}
    assert in_daemon - known == set()


def test_each_text_that_a_module_uses_exists() -> None:
    keys = read_texts().languages["de"].keys()
    known = {key.split(".")[0] for key in keys} | {".".join(key.split(".")[:2]) for key in keys}
    for path in FILES.glob("*.js"):
        used = {use.removesuffix(".") for use in re.findall(r"\btexts\.(\w+(?:\.\w+)?)", path.read_text())}
        assert used - known - {"js"} == set(), path.name


def test_numbers_and_plurals_follow_the_language() -> None:
    assert read_texts().counted == {
        "en": ["0 members", "1 member", "2 members", "1,000,000 members"],
        "de": ["0 Mitglieder", "1 Mitglied", "2 Mitglieder", "1.000.000 Mitglieder"],
        "fr": ["0 membre", "1 membre", "2 membres", "1\u202f000\u202f000 membres"],
    }


def test_french_punctuation_has_no_break_spaces() -> None:
    for key, (_, _, text) in read_texts().languages["fr"].items():
        assert not re.search(r" [:;?!»]|« |\w[;?!»]|«\w", text), key


def test_the_language_is_that_of_the_user_or_the_browser() -> None:
    """The browsers are those of the script."""
    assert read_texts().chosen == [
        ["de", "de-CH"],
        ["fr", "fr-CA"],
        ["en", "ko-KR"],  # dates as the browser has them
        ["en", "en"],
        ["fr", "fr"],
        ["en", "en-GB"],
        ["en", "en"],
    ]
