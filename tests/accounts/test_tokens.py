import base64
import json
from typing import Any

import jwt
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reichatd.accounts.tokens import AccessTokens, Claims
from reichatd.errors import Unauthorized
from reichatd.store import Session

KEY = b"k" * 32
NOW = 1_700_000_000.5
SESSION = Session(session_id="sid1", user_id="ann", refresh_hash="h", created_at=NOW, expires_at=NOW + 86_400)
TOKENS = AccessTokens(KEY, 900.0)
GOOD = {"sub": "ann", "sid": "sid1", "iat": 1_700_000_000, "exp": 1_700_000_900, "typ": "access"}


def refused(token: str, now: float = NOW) -> bool:
    try:
        TOKENS.read(token, now)
    except Unauthorized as error:
        return error.message == "Invalid token"
    return False


def signed(claims: dict[str, Any], key: bytes = KEY, algorithm: str = "HS256") -> str:
    return jwt.encode(claims, key, algorithm)


def test_make_and_read() -> None:
    assert TOKENS.read(TOKENS.make(SESSION, NOW), NOW) == Claims("ann", "sid1")


def test_the_claims() -> None:
    claims = jwt.decode(TOKENS.make(SESSION, NOW), options={"verify_signature": False})
    assert claims == GOOD | {"exp": 1_700_000_901}


def test_it_expires_by_the_clock_it_was_made_with() -> None:
    token = TOKENS.make(SESSION, NOW)
    assert TOKENS.read(token, NOW + 899)
    assert refused(token, NOW + 900.5)
    assert refused(token, NOW + 1e9)


def test_it_does_not_outlive_its_session() -> None:
    token = TOKENS.make(msgspec.structs.replace(SESSION, expires_at=NOW + 60), NOW)
    assert TOKENS.read(token, NOW + 59)
    assert refused(token, NOW + 60.5)


def test_a_token_is_valid_for_a_clock_that_is_behind() -> None:
    assert TOKENS.read(TOKENS.make(SESSION, NOW), NOW - 5)


def test_a_token_signed_by_hand_is_valid() -> None:
    assert not refused(signed(GOOD))


@pytest.mark.parametrize("claim", ["sub", "sid", "iat", "exp", "typ"])
def test_every_claim_is_required(claim: str) -> None:
    assert refused(signed({name: value for name, value in GOOD.items() if name != claim}))


@pytest.mark.parametrize(
    "change",
    [
        {"typ": "refresh"},
        {"typ": 1},
        {"sid": 1},
        {"sid": ["sid1"]},
        {"exp": "soon"},
        {"exp": 1e300},
        {"exp": [1]},
        {"aud": "somebody"},
        {"nbf": 4_000_000_000},
    ],
)
def test_claims_of_a_wrong_type_or_value(change: dict[str, Any]) -> None:
    assert refused(signed(GOOD | change))


def test_another_key() -> None:
    assert refused(signed(GOOD, b"x" * 32))


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
def test_another_algorithm_with_the_right_key(algorithm: str) -> None:
    assert refused(signed(GOOD, KEY * 2, algorithm))
    _, payload, signature = TOKENS.make(SESSION, NOW).split(".")
    assert refused(".".join([segment({"alg": algorithm, "typ": "JWT"}), payload, signature]))


def segment(content: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "", None, 1, []])
@pytest.mark.parametrize("signature", ["", "AAAA"])
def test_unsigned(alg: object, signature: str) -> None:
    assert refused(f"{segment({'alg': alg, 'typ': 'JWT'})}.{segment(GOOD)}.{signature}")


@given(st.data())
def test_any_change_of_a_token_is_detected(data: st.DataObject) -> None:
    token = TOKENS.make(SESSION, NOW)
    place = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.characters().filter(lambda char: char != token[place]))
    assert refused(token[:place] + other + token[place + 1 :])


@given(st.text(st.characters(exclude_categories=())))
def test_garbage(text: str) -> None:
    assert refused(text)


@given(st.lists(st.text('abcXYZ0189-_={}"é\ud800 ', max_size=20), max_size=5).map(".".join))
def test_garbage_in_segments(text: str) -> None:
    assert refused(text)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(json_values, json_values, st.binary(max_size=40))
def test_garbage_in_valid_form(header: object, payload: object, signature: bytes) -> None:
    end = base64.urlsafe_b64encode(signature).rstrip(b"=").decode()
    assert refused(f"{segment(header)}.{segment(payload)}.{end}")


@given(json_values.filter(lambda value: value != GOOD))
def test_garbage_with_a_valid_signature(payload: object) -> None:
    """A holder of the key can sign nonsense; it still ends in Unauthorized."""
    token = jwt.PyJWS().encode(json.dumps(payload).encode(), KEY, "HS256")
    assert refused(token)


@pytest.mark.parametrize("token", ["", ".", "..", "...", "a" * 1_000_000, "." * 1_000_000, "[" * 2000, "\0" * 100])
def test_extreme_sizes(token: str) -> None:
    assert refused(token)


def test_deep_nesting() -> None:
    assert refused(f"{base64.urlsafe_b64encode(b'[' * 1500).decode()}.e30.")
