"""Login by an OpenID provider (OpenID Connect Core 1.0, code flow with PKCE).

handshake    state, nonce and codes, as they pass through the browser
provider     the conversation with the provider, over HTTPS
id_tokens    what makes an ID token trustworthy
names        user names for new users
logins       the use cases
"""

from reichatd.accounts.oidc.http import ProviderError
from reichatd.accounts.oidc.logins import OidcLogins, redirect_uri
from reichatd.accounts.oidc.provider import Metadata, OidcClient, Provider

__all__ = ["Metadata", "OidcClient", "OidcLogins", "Provider", "ProviderError", "redirect_uri"]
