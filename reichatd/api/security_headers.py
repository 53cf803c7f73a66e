"""The security headers of every answer, JSON or page.

They follow OWASP's cheat sheets "REST Security" and "HTTP Security Response Headers". Strict-Transport-Security is added by
`reichatd.gateway.browsers`, which knows whether the connection is encrypted.
"""

from collections.abc import Mapping

SECURITY_HEADERS: Mapping[str, str] = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",  # for browsers that do not know frame-ancestors
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",  # not for requests by CORS, which server.allowed_origins admits
}

PAGE_HEADERS: Mapping[str, str] = {
    **SECURITY_HEADERS,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
}
"""Of pages and the files that they load; each has a Content-Security-Policy of its own."""
