"""A small OpenID provider over HTTPS, with keys of its own, for tests: in this process or for daemons and browsers."""

import base64
import hashlib
import json
import secrets
import ssl
import time
from collections.abc import Callable
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any, Self
from urllib.parse import parse_qs, unquote_plus, urlencode, urlsplit

import jwt
import trustme
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from reichatd.accounts.oidc import OidcClient

CLIENT_ID = "reichatd tests"
CLIENT_SECRET = "a secret: with 100 % of special characters"
ADA = {
    "sub": "ada-1",
    "email": "ada@example.org",
    "email_verified": True,
    "preferred_username": "ada",
    "name": "Ada Lovelace",
}
"""What the provider says of a person, unless a test says otherwise."""

Claims = dict[str, Any]
Forge = Callable[["OidcProvider", Claims], str]


@cache  # making them is slow
def _keys() -> dict[str, Any]:
    return {
        "RS256": rsa.generate_private_key(65537, 2048),
        "ES256": ec.generate_private_key(ec.SECP256R1()),
        "EdDSA": ed25519.Ed25519PrivateKey.generate(),
    }


@cache
def _authority() -> trustme.CA:
    return trustme.CA()


class OidcProvider:
    """The provider. It logs in every visitor at once, as `person`.

    Arguments:
        clock: seconds since the epoch.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.clock = clock
        self.person: Claims = dict(ADA)
        self.only_userinfo = False
        """Whether addresses and names are told by the user information only, not by the ID token."""
        self.algorithm = "RS256"
        self.refusal = ""
        """An error with which browsers are sent back, in place of a login."""
        self.forge: Forge | None = None
        """Makes the ID token, in place of the provider."""
        self.metadata: Claims = {}
        """Replaces fields of the discovery document."""
        self.userinfo: Claims = {}
        """Replaces claims in the user information."""
        self.broken: dict[str, tuple[int, bytes]] = {}
        """What a path answers in place of the right thing: status and body."""
        self.stalled = ""
        """A path that does not answer until the provider ends."""
        self.ended = Event()
        self.asked: list[str] = []
        """The path of each request, except of browsers."""
        self.private = _keys()
        self.kids = {algorithm: secrets.token_hex(4) for algorithm in self.private}
        self._codes: dict[str, Claims] = {}
        self._tokens: dict[str, Claims] = {}
        self.authority = _authority()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.authority.issue_cert("127.0.0.1").configure_cert(context)
        handler = type("Handler", (_Handler,), {"provider": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self._thread = Thread(target=self._server.serve_forever, name="provider", args=(0.05,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def issuer(self) -> str:
        return f"https://127.0.0.1:{self._server.server_port}"

    @property
    def client(self) -> OidcClient:
        """What a daemon in this process needs."""
        context = ssl.create_default_context()
        self.authority.configure_trust(context)
        return OidcClient(CLIENT_SECRET, context)

    @property
    def settings(self) -> dict[str, Any]:
        """[auth.oidc], without the secret and the authority."""
        return {"issuer": self.issuer, "client_id": CLIENT_ID, "name": "Example accounts"}

    def environment(self, directory: Path) -> dict[str, str]:
        """The settings of a daemon process. It also needs REICHATD_SERVER_PUBLIC_URL."""
        ca_file, secret_file = directory / "provider.pem", directory / "provider-secret"
        self.authority.cert_pem.write_to_path(ca_file)
        secret_file.write_text(f"{CLIENT_SECRET}\n")
        secret_file.chmod(0o600)
        files = {"ca_file": str(ca_file), "client_secret_file": str(secret_file)}
        return {f"REICHATD_AUTH_OIDC_{name.upper()}": value for name, value in (self.settings | files).items()}

    def jwks(self) -> Claims:
        """The provider's public keys."""
        keys: list[Claims] = [
            RSAAlgorithm.to_jwk(self.private["RS256"].public_key(), as_dict=True) | {"use": "sig"},
            ECAlgorithm.to_jwk(self.private["ES256"].public_key(), as_dict=True) | {"use": "sig", "alg": "ES256"},
            OKPAlgorithm.to_jwk(self.private["EdDSA"].public_key(), as_dict=True),
        ]
        return {"keys": [key | {"kid": kid} for key, kid in zip(keys, self.kids.values(), strict=True)]}

    def sign(self, claims: Claims, **header: Any) -> str:  # noqa: ANN401 - JSON
        """A token as the provider signs it. PS256 has the key of RS256."""
        name = self.algorithm.replace("PS", "RS")
        headers = {"kid": self.kids[name], **header}
        return jwt.encode(claims, self.private[name], self.algorithm, headers=headers)

    # --- endpoints; each returns a status and a body, or a URL to redirect to

    def discovery(self) -> Claims:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize?tenant=1",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "response_types_supported": ["code", "id_token"],
            "code_challenge_methods_supported": ["S256"],
            "id_token_signing_alg_values_supported": ["RS256", "ES256"],
            "authorization_response_iss_parameter_supported": True,
        } | self.metadata

    def authorize(self, query: dict[str, str]) -> str:
        """Where the browser goes next."""
        assert query["tenant"] == "1"
        assert query["response_type"] == "code"
        assert query["client_id"] == CLIENT_ID
        assert "openid" in query["scope"].split()
        assert query["code_challenge_method"] == "S256"
        back = {"state": query["state"], "iss": self.issuer}
        if self.refusal:
            back["error"] = self.refusal
        else:
            code = back["code"] = secrets.token_urlsafe()
            self._codes[code] = query | {"person": dict(self.person)}
        return f"{query['redirect_uri']}?{urlencode(back)}"

    def token(self, form: dict[str, str], authorization: str) -> tuple[int, Claims]:
        given = [form.get("client_id", ""), form.get("client_secret", "")]
        if "client_secret_post" not in self.discovery().get("token_endpoint_auth_methods_supported", []):
            credentials = base64.b64decode(authorization.removeprefix("Basic ")).decode().split(":")
            given = [unquote_plus(part) for part in credentials]
        if given != [CLIENT_ID, CLIENT_SECRET]:
            return 401, {"error": "invalid_client"}
        granted = self._codes.pop(form["code"], None)
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if granted is None or (granted["redirect_uri"], granted["code_challenge"]) != (form["redirect_uri"], challenge):
            return 400, {"error": "invalid_grant"}
        access_token = secrets.token_urlsafe()
        person = self._tokens[access_token] = granted["person"]
        now = int(self.clock())
        told = {"sub": person["sub"]} if self.only_userinfo else person
        claims = {"iss": self.issuer, "aud": CLIENT_ID, "iat": now, "exp": now + 300, "nonce": granted["nonce"], **told}
        id_token = self.forge(self, claims) if self.forge else self.sign(claims)
        return 200, {"access_token": access_token, "token_type": "Bearer", "id_token": id_token}

    def user(self, authorization: str) -> tuple[int, Claims]:
        person = self._tokens.get(authorization.removeprefix("Bearer "))
        return (401, {}) if person is None else (200, person | self.userinfo)


class _Handler(BaseHTTPRequestHandler):
    """One request."""

    provider: OidcProvider
    timeout = 60

    def do_GET(self) -> None:
        url, authorization = urlsplit(self.path), self.headers.get("Authorization", "")
        if url.path == "/authorize":
            self.send_response(302)
            self.send_header("Location", self.provider.authorize(_flat(url.query)))
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.provider.asked.append(url.path)
        match url.path:
            case "/.well-known/openid-configuration":
                self._send(200, self.provider.discovery())
            case "/jwks":
                self._send(200, self.provider.jwks())
            case "/userinfo":
                self._send(*self.provider.user(authorization))
            case _:
                self._send(404, {})

    def do_POST(self) -> None:
        self.provider.asked.append(self.path)
        form = _flat(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self._send(*self.provider.token(form, self.headers.get("Authorization", "")))

    def _send(self, status: int, body: Claims) -> None:
        path = urlsplit(self.path).path
        if path == self.provider.stalled:
            self.provider.ended.wait()
        status, data = self.provider.broken.get(path, (status, json.dumps(body).encode()))
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/jwks")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: ANN401 - the base class's
        pass


def _flat(query: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(query, keep_blank_values=True).items()}
