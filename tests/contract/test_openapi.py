"""The OpenAPI document is complete: all routes and types, with valid examples."""

from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from reichatd.contract.asyncapi import asyncapi
from reichatd.contract.openapi import calls, openapi
from tests.api.conftest import Api
from tests.contract.conftest import LIMITS

Document = dict[str, Any]

SCHEMAS = """
    About AccessToken Answer AuditLine BannedUser Bans BlockedUser Blocks ChangingPassword ChangingRoom
    CreatingRoom DirectOpened InviteCreated Invites InviteUsed Inviting JoinedRoom JoinedRooms Joining LoggedIn
    LoggingIn Member Members MessageLimits Muting NotReady Oneself OpeningDirect Problem PublicRooms Ready
    Refreshed Refusal Registering Renaming RoomAudit RoomCreated RoomInFull RoomInShort RoomInvite Seen
    ShownInvite SomeRoom SomeUser Ticket Tokens Transferring UserDetails Verifying

    AppPasswordCreated AppPasswordInList AppPasswords ConfirmingPassword ConfirmingTotp CreatingAppPassword CreatingToken
    ProgramTokens RecoveryCodes RemovingTotp TokenCreated TokenInList TotpSecret TotpState

    LinkingProvider Provider ProviderLink Redeeming
    ChangeMade EditingMessage MarkingRead MessagePage MessagePosted MessageView PinnedMessages PinView PostingMessage
    ReactionView Reactor Reactors
    ChangingEmail DeletingUser ForgettingPassword LoginSession LoginSessions ResettingPassword Rotated VerifyingEmail
"""
"""The names of all schemas, which are the names of types in generated clients: add to them, but rename none."""


def operations(document: Document) -> Iterator[tuple[str, Document]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def validator(document: Document, schema: Document) -> Draft202012Validator:
    return Draft202012Validator({**schema, "components": document["components"]})


async def test_it_has_exactly_the_routes_of_the_app(api: Api, rest: Document) -> None:
    routes = {
        f"{method} {rule.rule}".replace("<", "{").replace(">", "}")
        for rule in api.app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if not rule.rule.startswith("/web/")  # files, not calls
    }
    assert {name for name, _ in operations(rest)} == routes
    assert len(list(calls(api.app))) == len(routes)


async def test_operation_ids_are_unique(rest: Document) -> None:
    ids = [operation["operationId"] for _, operation in operations(rest)]
    assert len(set(ids)) == len(ids)


async def test_schemas_keep_their_names(rest: Document) -> None:
    assert set(rest["components"]["schemas"]) == set(SCHEMAS.split())


async def test_everything_has_a_description(rest: Document) -> None:
    for name, operation in operations(rest):
        assert operation["summary"], name
        assert all(parameter["description"] for parameter in operation.get("parameters", ())), name
    for name, schema in rest["components"]["schemas"].items():
        Draft202012Validator.check_schema(schema)
        assert "limits." not in str(schema), name


async def test_every_example_matches_its_type(rest: Document) -> None:
    seen = 0
    for name, operation in operations(rest):
        for each in (operation.get("requestBody", {"content": {}}), *operation["responses"].values()):
            for content in each["content"].values():
                values = [example["value"] for example in content.get("examples", {}).values()]
                for value in values + [content[key] for key in ("example",) if key in content]:
                    assert not list(validator(rest, content["schema"]).iter_errors(value)), (name, value)
                    seen += 1
    assert seen > 100


async def test_the_limits_in_force_are_shown(rest: Document) -> None:
    username = rest["components"]["schemas"]["Registering"]["properties"]["username"]
    assert (username["minLength"], username["maxLength"]) == (2, 32)


async def test_required_fields(rest: Document) -> None:
    schemas = rest["components"]["schemas"]
    assert schemas["CreatingRoom"]["required"] == ["name", "description"]
    assert schemas["AccessToken"]["required"] == ["access_token", "type"]
    assert schemas["Refusal"]["required"] == ["message", "code"]


@pytest.mark.parametrize(
    ("call", "status", "codes"),
    [
        ("POST /register", "400", ["invalid_fields"]),
        ("POST /register", "409", ["user_exists"]),
        ("POST /room/{room_id}/join", "400", ["password_required", "invalid_password"]),
        ("POST /room/{room_id}/join", "413", ["request_entity_too_large"]),
        ("DELETE /room/{room_id}", "404", ["room_not_found", "not_found"]),
    ],
)
async def test_every_error_status_has_its_codes(rest: Document, call: str, status: str, codes: list[str]) -> None:
    response = dict(operations(rest))[call]["responses"][status]
    assert list(response["content"]["application/json"]["examples"]) == codes


async def test_tokens(rest: Document) -> None:
    wanted = {name: operation["security"] for name, operation in operations(rest)}
    assert wanted["POST /login"] == []
    assert wanted["GET /user"] == [{"accessToken": []}]
    assert wanted["GET /refresh"] == [{"refreshToken": []}]
    assert wanted["POST /logout"] == [{"accessToken": []}, {"refreshToken": []}]
    for name, operation in operations(rest):
        content = operation["responses"].get("401", {"content": {"application/json": {"examples": {}}}})["content"]
        assert ("unauthorized" in content["application/json"]["examples"]) == bool(operation["security"]), name
    assert list(
        dict(operations(rest))["POST /login"]["responses"]["401"]["content"]["application/json"]["examples"]
    ) == ["totp_required"]


async def test_the_url_for_clients(api: Api) -> None:
    public = "https://example.org/chat/"
    assert openapi(api.app, LIMITS, public)["servers"] == [{"url": "https://example.org/chat"}]
    assert asyncapi(LIMITS, public)["servers"] == {
        "public": {"host": "example.org", "protocol": "wss", "pathname": "/chat"}
    }
    assert openapi(api.app, LIMITS)["servers"] == [{"url": "/"}]
