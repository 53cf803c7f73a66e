"""Speaks to an OpenID provider: asks for its discovery document and its keys, and exchanges codes for ID tokens."""

import ssl
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, NoReturn, TypeVar
from urllib.parse import quote_plus, urlencode, urlsplit

import msgspec
import structlog
import trio
from msgspec import Struct

from reichatd.accounts.oidc import id_tokens
from reichatd.accounts.oidc.handshake import Attempt, Person
from reichatd.accounts.oidc.http import ProviderError, RecentFailure, RequestRefused, ask, decoded
from reichatd.accounts.oidc.id_tokens import SigningKeys, TokenRefused, UnknownKey
from reichatd.errors import InvalidCode, Unavailable

if TYPE_CHECKING:
    from reichatd.settings import OidcSettings

_REFETCH_SECONDS = 60.0
"""Forged tokens with unknown keys cause no more requests than this."""
_FAILED_SECONDS = 5.0
"""How long a failure counts for the next logins too, which would otherwise wait for a timeout each."""

log = structlog.get_logger()
T = TypeVar("T")


class OidcClient(NamedTuple):
    """What is read from files for the conversation with the provider. `secret` is "" for a public client."""

    secret: str
    tls: ssl.SSLContext


class Metadata(Struct, frozen=True):
    """The discovery document (OpenID Connect Discovery, 3), as far as it is used."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str = ""
    response_types_supported: tuple[str, ...] = ("code",)
    code_challenge_methods_supported: tuple[str, ...] = ()
    id_token_signing_alg_values_supported: tuple[str, ...] = ("RS256",)
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)
    authorization_response_iss_parameter_supported: bool = False


class _Tokens(Struct):
    id_token: str = ""
    access_token: str = ""


class _Cached(Generic[T]):
    """A document of the provider. Any number of tasks may ask for it; one of them fetches it, and the others wait."""

    def __init__(self, fetch: Callable[[], Awaitable[T]]) -> None:
        self._fetch = fetch
        self._lock = trio.Lock()
        self._kept: tuple[float, T] | None = None
        self._failed: tuple[float, str] | None = None

    async def get(self, at_most_seconds: float) -> T:
        """The document, at most this many seconds old. Raises ProviderError."""
        async with self._lock:
            now = trio.current_time()
            if self._kept and now - self._kept[0] < at_most_seconds:
                return self._kept[1]
            if self._failed and now - self._failed[0] < _FAILED_SECONDS:
                raise RecentFailure(self._failed[1])
            try:
                fetched = await self._fetch()
            except ProviderError as error:
                self._failed = now, str(error)
                raise
            self._kept = now, fetched
            return fetched


class Provider:
    """The provider that the settings name. Any task may call the methods; they wait for the network.

    Arguments:
        redirect_uri: where the provider sends browsers; registered there.
        clock: seconds since the epoch.
    """

    def __init__(
        self,
        settings: "OidcSettings",
        client: OidcClient,
        redirect_uri: str,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._client = client
        self.redirect_uri = redirect_uri
        self._clock = clock
        self._metadata = _Cached(self._fetch_metadata)
        self._keys = _Cached(self._fetch_keys)

    async def metadata(self) -> Metadata:
        """The discovery document. Raises ProviderError."""
        return await self._metadata.get(self._cache_seconds)

    async def keys(self) -> SigningKeys:
        """The provider's keys. Raises ProviderError."""
        return await self._keys.get(self._cache_seconds)

    async def url_for(self, attempt: Attempt) -> str:
        """Where a browser is sent for this login.

        Raises:
            Unavailable: the provider does not answer.
        """
        try:
            endpoint = (await self.metadata()).authorization_endpoint
        except ProviderError as error:
            _fail(error)
        query = urlencode(
            {
                "response_type": "code",
                "client_id": self._settings.client_id,
                "redirect_uri": self.redirect_uri,
                "scope": " ".join(self._settings.scopes),
                "state": attempt.state,
                "nonce": attempt.nonce,
                "code_challenge": attempt.challenge,
                "code_challenge_method": "S256",
            }
        )
        return f"{endpoint}{'&' if urlsplit(endpoint).query else '?'}{query}"

    async def person(self, code: str, attempt: Attempt, issuer: str | None) -> Person:
        """Exchanges the provider's code for the person who has logged in there.

        Arguments:
            issuer: who sent the code, as the browser reports it (RFC 9207); None if it does not.

        Raises:
            InvalidCode: the provider refuses the code, or its ID token is not to be trusted.
            Unavailable: the provider does not answer as it should.
        """
        try:
            metadata = await self.metadata()
            if issuer is None and not metadata.authorization_response_iss_parameter_supported:
                issuer = metadata.issuer
            if issuer != metadata.issuer:
                raise TokenRefused("the code comes from another provider")
            tokens = await self._exchange(metadata, code, attempt.verifier)
            claims = await self._verified(tokens.id_token, attempt.nonce)
            if "email" not in claims and metadata.userinfo_endpoint and tokens.access_token:
                claims = await self._with_userinfo(metadata, tokens.access_token, claims)
            return id_tokens.person(metadata.issuer, claims)
        except TokenRefused as refusal:
            log.warning("ID token refused", reason=str(refusal))
            raise InvalidCode from refusal
        except ProviderError as error:
            if isinstance(error, RequestRefused) and error.error == "invalid_grant":
                raise InvalidCode from error
            _fail(error)

    async def _exchange(self, metadata: Metadata, code: str, verifier: str) -> _Tokens:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect_uri,
            "code_verifier": verifier,
        }
        client_id, secret = self._settings.client_id, self._client.secret
        auth = None
        if secret and "client_secret_basic" in metadata.token_endpoint_auth_methods_supported:
            auth = quote_plus(client_id), quote_plus(secret)  # RFC 6749, 2.3.1
        else:
            form |= {"client_id": client_id} | ({"client_secret": secret} if secret else {})
        answer = await self._ask("POST", metadata.token_endpoint, data=form, auth=auth)
        return decoded(answer, _Tokens, metadata.token_endpoint)

    async def _verified(self, token: str, nonce: str) -> id_tokens.Claims:
        try:
            key = (await self.keys()).key_for(token)
        except UnknownKey:
            key = (await self._keys.get(_REFETCH_SECONDS)).key_for(token)
        return id_tokens.verify(
            token,
            key,
            issuer=self._settings.issuer,
            client_id=self._settings.client_id,
            nonce=nonce,
            now=self._clock(),
            skew=self._settings.clock_skew_seconds,
        )

    async def _with_userinfo(self, metadata: Metadata, token: str, claims: id_tokens.Claims) -> id_tokens.Claims:
        """Adds what the provider tells by another way: with a code, it need not put addresses into ID tokens (Core, 5.4)."""
        headers = {"Authorization": f"Bearer {token}"}
        answer = await self._ask("GET", metadata.userinfo_endpoint, headers=headers)
        more = decoded(answer, id_tokens.Claims, metadata.userinfo_endpoint)
        # Core, 5.3.2: else it may be about someone else.
        if id_tokens.subject_of(more) != id_tokens.subject_of(claims):
            raise TokenRefused("the user information is about another person")
        return more | claims

    async def _fetch_metadata(self) -> Metadata:
        url = f"{self._settings.issuer.rstrip('/')}/.well-known/openid-configuration"
        metadata = decoded(await self._ask("GET", url), Metadata, url)
        if metadata.issuer != self._settings.issuer:
            raise ProviderError(f"{url} is the document of another issuer: {metadata.issuer[:200]}")
        endpoints = metadata.authorization_endpoint, metadata.token_endpoint, metadata.jwks_uri
        for endpoint in (*endpoints, *filter(None, [metadata.userinfo_endpoint])):
            if urlsplit(endpoint).scheme != "https":
                raise ProviderError(f"{url} has an address without TLS: {endpoint[:200]}")
        return metadata

    async def _fetch_keys(self) -> SigningKeys:
        url = (await self.metadata()).jwks_uri
        document = await self._ask("GET", url)
        try:
            return SigningKeys(document)
        except msgspec.MsgspecError:
            raise ProviderError(f"{url} has no keys") from None

    async def _ask(self, method: str, url: str, **request: Any) -> bytes:  # noqa: ANN401 - of `ask`
        return await ask(method, url, tls=self._client.tls, seconds=self._settings.timeout_seconds, **request)

    @property
    def _cache_seconds(self) -> float:
        return self._settings.cache_minutes * 60.0


def _fail(error: ProviderError) -> NoReturn:
    if not isinstance(error, RecentFailure):
        log.warning("login provider failed", reason=str(error))
    raise Unavailable("The login provider does not answer, try again later") from error
