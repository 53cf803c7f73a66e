"""The log never shows passwords, tokens, codes or messages, also when clients misuse the API and requests fail."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pyotp
import pytest
import trio

from tests.client import Person, Talk, bearer, open_room, talk_at
from tests.end_to_end.smtp import appears, by_smtp, code_in
from tests.mail.server import PASSWORD as MAIL_PASSWORD
from tests.mail.server import USERNAME as MAIL_USERNAME
from tests.mail.server import MailServer, authenticator, until
from tests.process import DaemonProcess, running

PASSWORDS = [
    "hidden password one",
    "hidden password two",
    "hidden room password",
    "hidden wrong password",
    "hidden password three",
]
TEXTS = ["hidden message one", "hidden message two", "hidden frame", "hidden-nonce"]
FORGED = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9.hidden"


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    server = MailServer(authenticator=authenticator, auth_require_tls=False)
    server.start()
    yield server
    server.stop()


async def test_no_secret_is_logged(tmp_path: Path, storage: dict[str, str], mail_server: MailServer) -> None:
    mail_password = tmp_path / "mail.password"
    mail_password.write_text(MAIL_PASSWORD)
    secret = "hidden secret: " + "x" * 64
    settings = {
        **storage,
        **by_smtp(mail_server),
        "REICHATD_MAIL_USERNAME": MAIL_USERNAME,
        "REICHATD_MAIL_PASSWORD_FILE": str(mail_password),
        "REICHATD_LOG_LEVEL": "debug",
        "REICHATD_LIMITS_CLOSE_SECONDS": "0.2",
        "SECRET_KEY": secret,
    }
    async with running(tmp_path, **settings) as daemon, Person(daemon.url, "ada", "ada@example.org") as ada:
        secrets = [secret, MAIL_PASSWORD, FORGED, *PASSWORDS, *TEXTS]
        codes = await registered(ada, mail_server)
        secrets += [ada.access_token, ada.refresh_token]
        room_id = await open_room(ada, password=PASSWORDS[2])
        await misuse_rest(ada, room_id)
        async with ada.talk(room_id) as talk:
            await converse(talk)
        await misuse_sockets(daemon, room_id, ada)
        secrets += await secrets_of_programs(ada, room_id)
        await ada.call("PUT", "/user/password", password=PASSWORDS[0], new_password=PASSWORDS[1])
        await ada.log_in(PASSWORDS[1])
        secrets += [ada.access_token, ada.refresh_token]
        secrets += await secrets_of_own_account(ada, mail_server)
        await ada.log_in(PASSWORDS[4])
        secrets += [ada.access_token, ada.refresh_token]
        await ada.call("POST", "/logout")
        await daemon.stop()

    log = daemon.output
    assert '"event": "request"' in log
    assert '"event": "stopped"' in log
    for secret in secrets:
        assert secret not in log
        assert json.dumps(secret)[1:-1] not in log
    for code in codes:
        assert not appears(code, log)


async def registered(person: Person, mail_server: MailServer) -> list[str]:
    """Registers twice and logs in with the first password; returns the codes of both mails."""
    codes = []
    for number in range(2):
        await person.register(password=PASSWORDS[0])
        await until(lambda number=number: len(mail_server.messages) > number)  # type: ignore[misc]
        codes.append(code_in(mail_server, number))
    assert mail_server.logged_in == [True, True]
    await person.verify(codes[1])
    await person.log_in(PASSWORDS[0])
    return codes


async def secrets_of_own_account(person: Person, mail_server: MailServer) -> list[str]:
    """Refreshes, and resets the password by mail to the last one; returns the tokens of both."""
    made = (await person.http.post("/refresh", headers=bearer(person.refresh_token))).json()["tokens"]
    await person.call("POST", "/password/forgot", email=person.email)
    await until(lambda: any(each["Subject"] == "Set a new password" for each in mail_server.messages))
    (reset,) = (
        each for each in mail_server.messages if each["Subject"] == "Set a new password" and person.email in each["To"]
    )
    body = reset.get_body(("plain",))
    assert body is not None
    token = max(body.get_content().split(), key=len)
    for status, sent in ((400, f"{token}0"), (200, token), (400, token)):
        await person.call("POST", "/password/reset", status, token=sent, new_password=PASSWORDS[4])
    return [token, made["access_token"], made["refresh_token"]]


async def misuse_rest(person: Person, room_id: str) -> None:
    http, wrong = person.http, PASSWORDS[3]
    for body in ({"email": person.email, "password": wrong}, {"email": person.email, "password": [wrong]}):
        assert (await http.post("/login", json=body)).is_client_error
    assert (await http.post("/login", content=b'{"password": "%s"' % wrong.encode())).is_client_error
    for token in (FORGED, person.refresh_token):
        assert (await http.get("/user", headers=bearer(token))).status_code == 401
        assert (await http.get(f"/user?token={token}")).status_code == 401
        assert (await http.get(f"/room/{room_id}?access_token={token}&password={wrong}")).status_code == 401
    await person.call("POST", f"/room/{room_id}/join", 409, password=wrong)
    await person.call("PUT", "/user/password", 400, password=wrong, new_password=wrong)
    # A head that the HTTP library itself refuses.
    async with await trio.open_tcp_stream("127.0.0.1", httpx.URL(person.url).port or 0) as stream:
        await stream.send_all(f"GET /?token={FORGED} HTTP/1.1\r\nAuthorization Bearer {FORGED}\r\n\r\n".encode())
        with trio.fail_after(20):
            while await stream.receive_some():
                pass


async def secrets_of_programs(person: Person, room_id: str) -> list[str]:
    """Makes, uses and misuses the secrets of a second factor and of programs; returns them."""
    secret = (await person.call("POST", "/user/totp", password=PASSWORDS[0]))["secret"]
    code = pyotp.TOTP(secret).now()
    recovery = (await person.call("POST", "/user/totp/confirm", code=code))["recovery_codes"]
    password = (await person.call("POST", "/user/app-passwords", 201, name="Phone"))["password"]
    token = (await person.call("POST", "/user/tokens", 201, name="Robot", scopes=["read"]))["token"]
    login = {"email": person.email, "password": PASSWORDS[0]}
    for totp in (code, "hidden code", [recovery[0]]):
        assert (await person.http.post("/login", json={**login, "totp": totp})).is_client_error
    assert (await person.http.post("/login", json={**login, "password": password})).is_success
    assert (await person.http.get(f"/user?totp={recovery[0]}", headers=bearer(token))).is_success
    assert (await person.http.get(f"/room/{token}", headers=bearer(f"{token}x"))).status_code == 401
    async with talk_at(f"{person.url.replace('http', 'ws', 1)}/ws/chat/{room_id}?token={token}") as talk:
        await talk.submit(TEXTS[0], "hidden-nonce")
    await person.call("DELETE", "/user/totp", password=PASSWORDS[0], code=recovery[1])
    return [secret, *recovery, password, token, "hidden code"]


async def converse(talk: Talk) -> None:
    await talk.send("message", content=TEXTS[0])
    assert await talk.post(TEXTS[1], "hidden-nonce") == 2
    for bad in (TEXTS[2], '{"type": "hidden frame"}', '{"type": "message", "content": ["hidden message one"]}'):
        await talk.websocket.send_message(bad)
        await talk.receive("error")
    assert len(await talk.fetch(1, 10)) == 2


async def misuse_sockets(daemon: DaemonProcess, room_id: str, person: Person) -> None:
    base = f"ws://127.0.0.1:{daemon.port}/ws/chat"
    for url in (
        f"{base}/{room_id}?token={FORGED}",
        f"{base}/{room_id}?token={person.refresh_token}",
        f"{base}/nowhere?token={person.access_token}",
    ):
        async with talk_at(url) as talk:
            await talk.closed()
    async with talk_at(f"{base}/{room_id}", authorization=f"Bearer {FORGED}") as talk:
        await talk.closed()
    async with person.slow_talk(room_id) as unread:
        await unread.send("message", content=TEXTS[1])
