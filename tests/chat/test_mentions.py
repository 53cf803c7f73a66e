"""The names that a message mentions."""

import pytest

from reichatd.chat.mentions import names_in


@pytest.mark.parametrize(
    ("content", "names"),
    [
        ("Hello", ()),
        ("@ada", ("ada",)),
        ('@ada, @bob! (@carol) "@dave" @erin\'s', ("ada", "bob", "carol", "dave", "erin")),
        ("@Ada @ada @ADA", ("Ada",)),
        ("@b @a @b", ("b", "a")),
        ("@Jürgen @名前", ("Jürgen", "名前")),
        ("ada@example.org", ()),
        ("ada.@example.org", ()),
        ("@@ada", ()),
        ("@ada@example.org", ("ada",)),
        ("@", ()),
        ("@ ada", ()),
        ("`@ada` @bob", ("bob",)),
        ("```\n@ada\n``` @bob", ("bob",)),
        ("@bob ```@ada", ("bob",)),  # code that does not end
        ("`@ada\n`", ("ada",)),  # no code: it would end in another line
        ("@" + "a" * 128, ("a" * 128,)),
    ],
)
def test_names(content: str, names: tuple[str, ...]) -> None:
    assert names_in(content, 10) == names


def test_only_the_first_ones_count() -> None:
    assert names_in("@a @b @a @c @d", 3) == ("a", "b", "c")
    assert names_in("@a", 0) == ()
