import re

import pytest

from reichatd.accounts.keys import MIN_SECRET_BYTES, Keys, equal_hashes, new_code, new_id, new_refresh_token

SECRET = bytes(range(MIN_SECRET_BYTES))


def test_a_short_secret_is_refused() -> None:
    with pytest.raises(ValueError, match="31 bytes, it needs at least 32"):
        Keys(SECRET[:-1])


def test_each_use_has_its_own_key() -> None:
    keys = Keys(SECRET)
    assert keys.access_tokens != SECRET
    assert keys.refresh_hash("x") != keys.code_hash("", "x")
    assert len(keys.access_tokens) == 32


def test_hashes_depend_on_the_secret_alone() -> None:
    assert Keys(SECRET).refresh_hash("token") == Keys(SECRET).refresh_hash("token")
    assert Keys(SECRET).refresh_hash("token") != Keys(SECRET[::-1]).refresh_hash("token")


def test_a_code_is_bound_to_its_address() -> None:
    keys = Keys(SECRET)
    assert keys.code_hash("ann@example.org", "123456") != keys.code_hash("bob@example.org", "123456")
    assert "123456" not in keys.code_hash("ann@example.org", "123456")


def test_codes_have_six_digits() -> None:
    codes = {new_code() for _ in range(2000)}
    assert all(re.fullmatch(r"[0-9]{6}", code) for code in codes)
    assert len(codes) > 1900
    assert any(code.startswith("0") for code in codes)


def test_ids_and_tokens() -> None:
    assert re.fullmatch(r"[0-9a-f]{24}", new_id())
    assert re.fullmatch(r"[\w-]{43}", new_refresh_token())
    assert new_id() != new_id()


def test_hashes_are_compared() -> None:
    assert equal_hashes("ab", "ab")
    assert not equal_hashes("ab", "ac")
