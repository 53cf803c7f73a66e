"""What a client may know about the daemon without a login."""

from reichatd import settings
from tests.api.conftest import Api


async def test_limits_and_delivery_of_codes_are_those_in_force(api: Api) -> None:
    assert (await api("GET", "/about")).body == {
        "message": "ok",
        "name": "reichatd",
        "logo": "",
        "limits": {"message_chars": 5000, "frame_bytes": 65_536},
        "code_by": "console",
        "registration": "open",
    }
    api.settings.replace(settings.Settings(limits=settings.LimitSettings(message_chars=7, frame_bytes=2048)))
    api.outbox.reload(settings.MailSettings(backend="smtp"), None)
    body = (await api("GET", "/about")).body
    assert body["limits"] == {"message_chars": 7, "frame_bytes": 2048}
    assert body["code_by"] == "mail"
