"""How the web client's files are served. What they do is tested in a browser (tests/web)."""

import gzip
import re
from html import escape
from pathlib import Path
from urllib.parse import urljoin

import pytest
from quart_trio.testing import TrioClient

from reichatd import settings
from reichatd.api.web import FILES, read_files
from reichatd.logo import read_logo
from reichatd.store import Store
from tests.api.conftest import Api, make_api

FILE = f"web/{read_files().version}"
SVG = read_logo(FILES / "icon.svg")
PNG = read_logo(FILES / "icon-192.png")
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.fixture
def client(api: Api) -> TrioClient:
    return api.client


async def test_browsers_get_the_web_client_and_programs_json(client: TrioClient) -> None:
    for accept in ("*/*", "application/json", "application/json, text/html", "text/html;q=0.5, application/json", ""):
        response = await client.get("/", headers={"Accept": accept})
        assert await response.get_json() == {"message": "ok"}
        assert response.headers["Vary"] == "Accept"
    response = await client.get("/", headers={"Accept": BROWSER})
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert response.headers["Vary"] == "Accept"
    assert response.headers["Cache-Control"] == "no-cache"
    assert "<!doctype html>" in await response.get_data(as_text=True)


async def test_every_file_is_served_under_the_url_that_other_files_use(client: TrioClient) -> None:
    """Starting from the index and the manifest, every referenced file exists, and every file is referenced."""
    index = await (await client.get("/", headers={"Accept": BROWSER})).get_data(as_text=True)
    assert not re.findall(r'(?:href|src)="/', index), "below a path of the host these would point outside"
    manifest = await (await client.get("/web/manifest.webmanifest")).get_json(force=True)
    waiting = {urljoin("/", address) for address in re.findall(r'(?:href|src)="(web/[^"]+)"', index)}
    waiting.remove("/web/manifest.webmanifest")  # the page of each version has the same
    waiting |= {urljoin("/web/", icon["src"]) for icon in manifest["icons"]}
    seen = set()
    while waiting:
        address = waiting.pop()
        seen.add(address)
        response = await client.get(address)
        assert response.status_code == 200, address
        assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        data = await response.get_data(as_text=False)
        imported = {urljoin(address, name.decode()) for name in re.findall(rb'(?:from |import\()"(\.\.?/[^"]+)"', data)}
        imported |= {urljoin(address, name.decode()) for name in re.findall(rb"^// (\./\S+\.js)$", data, re.MULTILINE)}
        waiting |= imported - seen
    files = {
        path.relative_to(FILES).as_posix() for path in FILES.rglob("*") if path.is_file() and path.suffix != ".txt"
    }
    assert {address.removeprefix(f"/web/{read_files().version}/") for address in seen} == files - {"index.html"}


async def test_every_file_has_the_content_security_policy(client: TrioClient) -> None:
    version = read_files().version
    for path, headers in (("/", {"Accept": BROWSER}), (f"/web/{version}/main.js", {}), (f"/web/{version}/app.css", {})):
        response = await client.get(path, headers=headers)
        policy = response.headers["Content-Security-Policy"].split("; ")
        assert {"default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'"} <= set(policy)
        assert not any("unsafe" in rule or "http" in rule or "*" in rule for rule in policy)
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Referrer-Policy"] == "no-referrer"
        assert response.headers["X-Frame-Options"] == "DENY"
        assert response.headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert response.headers["Cross-Origin-Embedder-Policy"] == "require-corp"
        assert response.headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert "camera=()" in response.headers["Permissions-Policy"]


async def test_a_cached_file_is_not_sent_again(client: TrioClient) -> None:
    first = await client.get("/", headers={"Accept": BROWSER})
    etag = first.headers["ETag"]
    again = await client.get("/", headers={"Accept": BROWSER, "If-None-Match": etag})
    assert (again.status_code, await again.get_data(as_text=False), again.headers["ETag"]) == (304, b"", etag)
    assert (await client.get("/", headers={"Accept": BROWSER, "If-None-Match": '"other"'})).status_code == 200


async def test_a_file_is_compressed_for_those_who_can_read_that(client: TrioClient) -> None:
    for name in ("main.js", "texts/en.js", "app.css", "icon.svg", "emoji/en.json"):
        plain = await client.get(f"/{FILE}/{name}", headers={"Accept-Encoding": "gzip;q=0"})
        data = await plain.get_data(as_text=False)
        packed = await client.get(f"/{FILE}/{name}", headers={"Accept-Encoding": "gzip, deflate, br"})
        assert gzip.decompress(await packed.get_data(as_text=False)) == data
        assert int(packed.headers["Content-Length"]) < len(data)
        assert (plain.headers.get("Content-Encoding"), packed.headers["Content-Encoding"]) == (None, "gzip")
        for header in ("Content-Type", "ETag", "Vary", "Cache-Control", "Content-Security-Policy"):
            assert plain.headers[header] == packed.headers[header]
        assert plain.headers["Vary"] == "Accept-Encoding"
        again = await client.get(f"/{FILE}/{name}", headers={"If-None-Match": packed.headers["ETag"]})
        assert (again.status_code, again.headers.get("Content-Encoding"), again.headers["Vary"]) == (
            304,
            None,
            "Accept-Encoding",
        )
    image = await client.get(f"/{FILE}/icon-192.png", headers={"Accept-Encoding": "gzip"})
    assert await image.get_data(as_text=False) == (FILES / "icon-192.png").read_bytes()


async def test_a_browser_asks_for_few_modules_and_for_all_at_once(client: TrioClient) -> None:
    page = await (await client.get("/", headers={"Accept": BROWSER})).get_data(as_text=True)
    named = {urljoin("/", url) for url in re.findall(r'<link rel="modulepreload" href="(\S+)">', page)}
    assert len(named) < 10
    for name in ("boot.js", "main.js", "texts/en.js", "texts/de.js", "texts/fr.js"):
        module = await (await client.get(f"/{FILE}/{name}")).get_data(as_text=True)
        assert {
            urljoin(f"/{FILE}/{name}", url) for url in re.findall(r'^import .* from "(\S+)";$', module, re.M)
        } <= named


async def test_the_names_of_emoji_are_made_when_a_browser_asks_for_them(client: TrioClient) -> None:
    version = read_files().version
    found = {}
    for language in ("en", "de", "fr"):
        response = await client.get(f"/web/{version}/emoji/{language}.json")
        assert response.headers["Content-Type"] == "application/json"
        assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        found[language] = await response.get_json()
    assert {language: groups["smileys"][0] for language, groups in found.items()} == {
        "en": ["😀", "grinning face", "grinning"],
        "de": ["😀", "grinsendes gesicht", "grinning face", "grinning"],
        "fr": ["😀", "visage rieur", "grinning face", "grinning"],
    }
    rows = [row for groups in found.values() for group in groups.values() for row in group]
    assert len(rows) > 3 * 1800
    assert all(len(row) >= 2 and all(row) for row in rows)


@pytest.mark.parametrize(
    "path",
    [
        "/web/",
        "/web/x/emoji/en.json",
        "/web/{v}/emoji/xx.json",
        "/web/x/main.js",
        "/web/x/texts/en.js",
        "/web/{v}/none.js",
        "/web/{v}/index.html",
        "/web/{v}/..%2f__init__.py",
        "/web/{v}/texts",
        "/web/{v}/texts/",
        "/web/{v}/texts/../main.js",
        "/web/{v}/texts/..%2fmain.js",
        "/web/{v}/texts/../../api/web.py",
        "/web/{v}//main.js",
        "/web/main.js",
    ],
)
async def test_nothing_else_is_served(client: TrioClient, path: str) -> None:
    response = await client.get(path.replace("{v}", read_files().version))
    assert response.status_code == 404
    assert (await response.get_json())["code"] == "not_found"


def test_a_changed_file_has_another_url(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text('<script src="web/main.js">')
    (tmp_path / "boot.js").write_text("1")
    (tmp_path / "main.js").write_text("1")
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "en.js").write_text("1")
    first = read_files(tmp_path)
    (tmp_path / "texts" / "en.js").write_text("2")
    second = read_files(tmp_path)
    assert second.assets.keys() == {"boot.js", "main.js", "texts/en.js"}
    assert first.version != second.version
    assert first.page.etag != second.page.etag
    assert first.page.data == f'<script src="web/{first.version}/main.js">'.encode()


async def test_the_page_has_the_name_and_the_logo_in_force(store: Store, limits: settings.LimitSettings) -> None:
    api = make_api(store, limits, logo=PNG)
    for name, logo, links in (
        ("reichatd", PNG, {"icon": f"{PNG.path}", "apple-touch-icon": PNG.path}),
        ('"Ann & <co>"', SVG, {"icon": SVG.path}),
        ("$name", None, {"icon": f"{FILE}/icon.svg", "apple-touch-icon": f"{FILE}/apple-touch-icon.png"}),
    ):
        api.settings.replace(settings.Settings(limits=limits, web=settings.WebSettings(name=name)))
        api.logo.current = logo
        page = await api.client.get("/", headers={"Accept": BROWSER})
        text = await page.get_data(as_text=True)
        assert re.findall("<title>(.*)</title>", text) == [escape(name)]
        assert re.findall('name="application-name" content="(.*)"', text) == [escape(name)]
        assert dict(re.findall('<link rel="((?:apple-touch-)?icon)" href="(.*?)"', text)) == links
        response = await api.client.get("/web/manifest.webmanifest")
        assert response.headers["Content-Type"] == "application/manifest+json"
        assert response.headers["ETag"] != page.headers["ETag"]
        manifest = await response.get_json(force=True)
        assert manifest["name"] == name
        assert (manifest["icons"][0]["src"] == f"../{logo.path}") if logo else len(manifest["icons"]) == 3
        about = (await api("GET", "/about")).body
        assert (about["name"], about["logo"]) == (name, logo.path if logo else "")


async def test_a_logo_is_served_under_its_own_policy_as_long_as_it_is_in_force(
    store: Store, limits: settings.LimitSettings
) -> None:
    api = make_api(store, limits, logo=SVG)
    response = await api.client.get(f"/{SVG.path}")
    assert (response.status_code, await response.get_data(as_text=False)) == (200, SVG.data)
    assert response.headers["Content-Type"] == "image/svg+xml"
    assert response.headers["Content-Security-Policy"] == "default-src 'none'; style-src 'unsafe-inline'; sandbox"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    api.logo.current = PNG
    assert (await api.client.get(f"/{SVG.path}")).status_code == 404
    assert (await api.client.get(f"/{PNG.path}")).headers["Content-Type"] == "image/png"


async def test_it_can_be_switched_off(store: Store, limits: settings.LimitSettings) -> None:
    api = make_api(store, limits, web_client=False, logo=PNG)
    client = api.client
    assert await (await client.get("/", headers={"Accept": BROWSER})).get_json() == {"message": "ok"}
    for path in (f"/web/{read_files().version}/main.js", "/web/manifest.webmanifest", f"/{PNG.path}"):
        assert (await client.get(path)).status_code == 404
    assert (await api("GET", "/about")).body["logo"] == ""
