"""The table [auth.oidc]."""

from typing import Annotated

from msgspec import Meta

from reichatd.settings.kinds import FilePath, IssuerUrl, OAuthScope, Seconds, SecretText, Text
from reichatd.settings.tables import Table


class OidcSettings(Table, frozen=True):
    """Login by an OpenID Connect provider (Keycloak, Authentik, Google, …), beside the login with a password. It needs
    server.public_url. At the provider, register a web application (a "confidential client") with the redirect URI
    <public_url>/oidc/callback."""

    issuer: IssuerUrl = ""
    """The issuer of the provider, as its discovery document has it ("https://login.example.org/realms/staff"). Empty: no login by a
    provider."""

    client_id: Text = ""
    """The name of this application at the provider."""

    client_secret: SecretText = ""
    """The secret of this application at the provider. client_secret_file is safer."""

    client_secret_file: FilePath = ""
    """A file with the secret. Without a secret the application is a public client at the provider; PKCE is used in any case."""

    ca_file: FilePath = ""
    """Certificates of authorities that are trusted for the provider, in addition to the system's: a PEM file."""

    name: Text = ""
    """The name of the provider, for people ("Example accounts"). Empty: its host name."""

    button: Text = ""
    """The text of the button in clients. Empty: clients write their own with the name."""

    scopes: tuple[OAuthScope, ...] = ("openid", "email", "profile")
    """What to ask the provider for. "openid" is needed; without "email" no account can be created."""

    creates_accounts: bool = False
    """Whether every user of the provider gets an account here, even if auth.registration is not "open": then the provider
    decides who may come in."""

    timeout_seconds: Seconds = 10.0
    """How long a request to the provider may take."""

    cache_minutes: Annotated[float, Meta(gt=0, le=1440)] = 60.0
    """How long the discovery document and the keys of the provider are cached. An unknown key is looked up at once, but at most
    once a minute."""

    clock_skew_seconds: Annotated[float, Meta(ge=0, le=600)] = 60.0
    """How far the clocks of the provider and of this machine may differ."""

    login_minutes: Annotated[float, Meta(gt=0, le=60)] = 10.0
    """How long a person may take to log in at the provider."""

    code_seconds: Annotated[int, Meta(ge=1, le=600)] = 60
    """How long a client may take, after that, to begin the login session here."""
