"""Forged ID tokens are refused."""

import base64
import hmac
from collections.abc import Callable
from functools import cache
from typing import Any

import jwt
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from reichatd.errors import InvalidCode
from reichatd.store import Store
from tests.accounts.oidc.conftest import Chat
from tests.oidc_provider import CLIENT_ID, CLIENT_SECRET, Claims, OidcProvider


def _hmac(key: str | bytes) -> Callable[[OidcProvider, Claims], str]:
    def forge(provider: OidcProvider, claims: Claims) -> str:
        # PyJWT itself refuses to sign with a public key.
        secret = key or provider.private["RS256"].public_key().public_bytes(
            Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
        )
        return _signed_by_hand(claims, secret if isinstance(secret, bytes) else secret.encode(), provider.kids["RS256"])

    return forge


def _signed_by_hand(claims: Claims, secret: bytes, kid: str) -> str:
    parts = [
        base64.urlsafe_b64encode(msgspec.json.encode(part)).rstrip(b"=")
        for part in ({"alg": "HS256", "typ": "JWT", "kid": kid}, claims)
    ]
    signature = base64.urlsafe_b64encode(hmac.digest(secret, b".".join(parts), "sha256")).rstrip(b"=")
    return b".".join([*parts, signature]).decode()


@cache
def _foreign_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def _foreign(provider: OidcProvider, claims: Claims, **header: Any) -> str:  # noqa: ANN401 - JSON
    return jwt.encode(claims, _foreign_key(), "RS256", headers={"kid": provider.kids["RS256"], **header})


def _own_key_in_header(provider: OidcProvider, claims: Claims) -> str:
    public = jwt.algorithms.RSAAlgorithm.to_jwk(_foreign_key().public_key(), as_dict=True)
    return jwt.encode(
        claims, _foreign_key(), "RS256", headers={"kid": "mine", "jwk": public, "jku": f"{provider.issuer}/jwks"}
    )


def _other_payload(provider: OidcProvider, claims: Claims) -> str:
    head, _, signature = provider.sign(claims).split(".")
    return ".".join((head, provider.sign(claims | {"sub": "eve"}).split(".")[1], signature))


def _changed(**changes: object) -> Callable[[OidcProvider, Claims], str]:
    def forge(provider: OidcProvider, claims: Claims) -> str:
        changed = {name: value for name, value in (claims | changes).items() if value is not None}
        return provider.sign(changed)

    return forge


FORGERIES: dict[str, Callable[[OidcProvider, Claims], str]] = {
    "without a signature (none)": lambda _, claims: jwt.encode(claims, "", "none"),
    "without its signature": lambda provider, claims: provider.sign(claims).rpartition(".")[0] + ".",
    "HMAC with the public key": _hmac(""),
    "HMAC with the client's secret": _hmac(CLIENT_SECRET),
    "another key with this name": _foreign,
    "its own key in the header": _own_key_in_header,
    "a key that the provider does not have": lambda provider, claims: _foreign(provider, claims, kid="unknown"),
    "another payload": _other_payload,
    "another issuer": _changed(iss="https://127.0.0.1:1"),
    "for another application": _changed(aud="other"),
    "for several applications": _changed(aud=[CLIENT_ID, "other"]),
    "for several, of another application": _changed(aud=[CLIENT_ID, "other"], azp="other"),
    "of another application": _changed(azp="other"),
    "another login's": _changed(nonce="other"),
    "of no login": _changed(nonce=None),
    "expired": _changed(exp=1_699_999_000),
    "without an end": _changed(exp=None),
    "from the future": _changed(iat=1_700_009_000),
    "not valid yet": _changed(nbf=1_700_009_000),
    "with times that are none": _changed(exp=True),
    "with an endless time": _changed(exp=10**400),
    "with no number for a time": _changed(exp=float("nan")),
    "of nobody": _changed(sub=None),
    "of an empty name": _changed(sub=""),
    "of a name that is too long": _changed(sub="x" * 256),
    "no token": lambda *_: "a.b.c",
    "nothing": lambda *_: "",
}


@pytest.mark.parametrize("forgery", FORGERIES)
async def test_a_forged_id_token_is_refused(chat: Chat, provider: OidcProvider, store: Store, forgery: str) -> None:
    provider.forge = FORGERIES[forgery]
    with pytest.raises(InvalidCode):
        await chat.finish(await chat.arrive())
    assert await store.users.by_email("ada@example.org") is None
    provider.forge = lambda provider, claims: provider.sign(claims | {"aud": [CLIENT_ID], "azp": CLIENT_ID})
    assert await chat.log_in()


async def test_an_answer_of_another_provider_is_refused(chat: Chat) -> None:
    answer = await chat.arrive()
    for issuer in ("https://evil.example.org", None):
        with pytest.raises(InvalidCode):
            await chat.finish(answer._replace(issuer=issuer))
    assert await chat.finish(answer)
