"""Whether people can log in by the OpenID provider."""

from reichatd.accounts.oidc import Metadata, OidcClient, Provider, ProviderError, redirect_uri
from reichatd.accounts.oidc.id_tokens import ALGORITHMS
from reichatd.doctor.findings import Finding, Note, error, ok, skipped, warning
from reichatd.doctor.target import Target
from reichatd.settings import OidcSettings

_SETTINGS = "compare auth.oidc.issuer with the provider's documentation: it must be the same text, to the last slash"


async def check(target: Target, note: Note) -> None:
    oidc, code = target.settings.auth.oidc, "oidc.issuer"
    if not oidc.issuer:
        note(skipped(code, "no provider is set: people log in with passwords"))
        return
    if target.oidc is None:
        remedy = "check that the file exists and that the daemon's user can read it"
        note(error("oidc.files", target.oidc_problem, remedy))
        return
    uri = redirect_uri(target.settings.server.public_url)
    provider = Provider(oidc, target.oidc, uri)
    try:
        metadata = await provider.metadata()
        keys = await provider.keys()
    except ProviderError as problem:
        note(error(code, str(problem), f"check the network and the provider; {_SETTINGS}"))
        return
    note(ok(code, f"{oidc.issuer} answers; register there the redirect URI {uri}"))
    note(_flow(metadata))
    note(_signatures(metadata, keys.usable))
    note(_secret(oidc, target.oidc))


def _flow(metadata: Metadata) -> Finding:
    code = "oidc.flow"
    if "code" not in metadata.response_types_supported:
        return error(code, 'the provider does not support the response type "code"', "allow it for this application")
    methods = metadata.code_challenge_methods_supported
    if methods and "S256" not in methods:
        found = f"the provider supports PKCE only with {', '.join(methods)}, and the daemon uses S256"
        return error(code, found, "allow S256, or use another provider")
    return ok(code, "the provider supports the code flow" + (" with PKCE" if methods else ""))


def _signatures(metadata: Metadata, keys: int) -> Finding:
    code, offered = "oidc.signatures", metadata.id_token_signing_alg_values_supported
    if not keys or not set(offered) & set(ALGORITHMS):
        return error(
            code,
            f"the provider signs ID tokens with {', '.join(offered) or 'nothing'}, and has {keys} keys for that",
            f"let it sign with one of {', '.join(ALGORITHMS)}",
        )
    return ok(code, f"the provider has {keys} keys for signatures")


def _secret(oidc: OidcSettings, client: OidcClient) -> Finding:
    code = "oidc.secret"
    if not client.secret:
        found = f"{oidc.client_id} is a public client: auth.oidc.client_secret_file is not set"
        return warning(code, found, "if the provider gave a secret for this application, put it there")
    return ok(code, f"the daemon has the secret of {oidc.client_id}; only a login shows whether it is right")
