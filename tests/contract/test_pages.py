"""The documentation as it is served: documents and pages."""

import re
from urllib.parse import urljoin

import msgspec
import pytest
from quart import Response

from reichatd.contract import pages
from tests.api.conftest import Api

PAGES = ("/docs", "/docs/websocket")


async def get(api: Api, path: str) -> tuple[Response, str]:
    response = await api.client.get(path)
    assert response.status_code == 200
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    return response, await response.get_data(as_text=True)


@pytest.mark.parametrize(("path", "key"), [("/openapi.json", "openapi"), ("/asyncapi.json", "asyncapi")])
async def test_documents(api: Api, path: str, key: str) -> None:
    response, text = await get(api, path)
    assert response.content_type == "application/json"
    assert msgspec.json.decode(text)[key].startswith("3.")


@pytest.mark.parametrize("path", PAGES)
async def test_pages_need_no_script_and_no_other_host(api: Api, path: str) -> None:
    response, text = await get(api, path)
    assert response.content_type == "text/html; charset=utf-8"
    policy = response.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'self';")
    assert "unsafe" not in policy
    assert not re.search(r"<script|<style|\son\w+=|\sstyle=|https?://", text)
    for link in re.findall(r'(?:href|src)="([^"#]+)"', text):
        assert not link.startswith("/"), "it must work below a path"
        await get(api, urljoin(path, link))


async def test_the_rest_page_has_every_call_with_its_fields(api: Api, rest: dict[str, dict[str, object]]) -> None:
    _, text = await get(api, "/docs")
    for path in rest["paths"]:
        assert f"<code>{path}</code>" in text
    assert "string, 2 to 32 characters" in text
    assert "&#34;code&#34;: &#34;room_not_found&#34;" in text


async def test_the_websocket_page_has_every_frame(api: Api) -> None:
    _, text = await get(api, "/docs/websocket")
    for name in ("fetch", "listen_latest", "message", "initial_state", "latest_message", "ack", "error"):
        assert f'<article id="{name}">' in text
    assert "string, 1 to 77 characters" in text
    assert "4001" in text
    for way in ("?ticket=…", "?token=…", "Authorization: Bearer …"):
        assert f"<code>{way}</code>" in text


@pytest.mark.parametrize("path", PAGES)
async def test_every_link_target_is_in_the_page_once(api: Api, path: str) -> None:
    _, text = await get(api, path)
    places = re.findall(r'\sid="([^"]+)"', text)
    links = re.findall(r'href="#([^"]+)"', text)
    assert len(set(places)) == len(places)
    assert links
    assert set(links) <= set(places)


def test_markup_is_escaped(conversation: dict[str, dict[str, str]]) -> None:
    conversation["info"]["description"] = "<b>`<i>`</b> [no link](javascript:x)"
    page = pages.websocket(conversation)
    assert "&lt;b&gt;<code>&lt;i&gt;</code>&lt;/b&gt; [no link](javascript:x)" in page
