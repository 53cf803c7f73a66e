"""Whether the daemon can send mail."""

import trio

from reichatd.doctor.findings import Finding, Note, error, ok, skipped, warning
from reichatd.doctor.target import Target
from reichatd.hosts import is_local
from reichatd.mail import MailDeferred, MailRefused
from reichatd.settings import MailSettings


async def check(target: Target, note: Note) -> None:
    mail, code = target.settings.mail, "mail.login"
    if mail.backend == "console":
        note(skipped(code, "no mail is sent: codes appear in the output of the daemon"))
        return
    if target.mail_problem:
        note(
            error(
                code, target.mail_problem, "check that mail.password_file exists and that the daemon's user can read it"
            )
        )
        return
    from reichatd.mail.smtp import SmtpTransport

    where = f"{mail.host}:{mail.port} ({mail.tls})"
    transport = SmtpTransport(mail, target.mail_password)
    try:
        offers = await trio.to_thread.run_sync(transport.try_out, abandon_on_cancel=True)
    except MailDeferred as problem:
        note(
            error(
                code,
                f"{where} does not answer: {problem}",
                "check mail.host, mail.port, mail.tls, and the firewalls on the way",
            )
        )
    except MailRefused as problem:
        note(
            error(
                code,
                f"{where} refuses: {problem}",
                "check mail.tls, mail.username and the password in mail.password_file",
            )
        )
    else:
        login = f"accepts the login of {mail.username}" if mail.username else "answers; no login is set"
        note(ok(code, f"{where} {login}; it offers {', '.join(offers) or 'nothing'}"))
        note(_encryption(mail, offers))
        note(_name(mail, transport.name))


def _encryption(mail: MailSettings, offers: list[str]) -> Finding:
    code = "mail.encryption"
    if mail.tls != "none":
        return ok(code, f"encrypted ({mail.tls})")
    if "STARTTLS" in offers and not is_local(mail.host):
        found = "mail and its codes go to the server unencrypted, although it offers STARTTLS"
        return warning(code, found, 'set mail.tls = "starttls"')
    return ok(
        code, "not encrypted, on this machine" if is_local(mail.host) else "not encrypted: the server does not offer it"
    )


def _name(mail: MailSettings, name: str) -> Finding:
    code, found = "mail.ehlo", f"the daemon calls itself {name}"
    if "." in name or name.startswith("[") or is_local(mail.host):
        return ok(code, found)
    return warning(
        code, f"{found}, which is not a full domain name: servers may refuse it", "set mail.ehlo or mail.sender"
    )
