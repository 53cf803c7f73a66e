"""Whether letters could be sent."""

import trio

from reichatd.doctor.findings import Finding, Note, error, ok, skipped, warning
from reichatd.doctor.target import Target
from reichatd.hosts import is_local
from reichatd.mail import MailDeferred, MailRefused
from reichatd.settings import MailSettings


async def check(patient: Target, note: Note) -> None:
    mail, code = patient.settings.mail, "mail.login"
    if mail.backend == "console":
        note(skipped(code, "no mail is sent: codes are printed where the daemon runs"))
        return
    if patient.mail_problem:
        note(
            error(
                code, patient.mail_problem, "see that mail.password_file is there, and readable for the daemon's user"
            )
        )
        return
    from reichatd.mail.smtp import SmtpTransport

    where = f"{mail.host}:{mail.port} ({mail.tls})"
    transport = SmtpTransport(mail, patient.mail_password)
    try:
        offers = await trio.to_thread.run_sync(transport.try_out, abandon_on_cancel=True)
    except MailDeferred as problem:
        note(
            error(
                code,
                f"{where} does not answer: {problem}",
                "see mail.host, mail.port, mail.tls, and the firewall between",
            )
        )
    except MailRefused as problem:
        note(
            error(
                code,
                f"{where} refuses: {problem}",
                "see mail.tls, mail.username and the password in mail.password_file",
            )
        )
    else:
        login = f"lets {mail.username} in" if mail.username else "answers; no login is set"
        note(ok(code, f"{where} {login}; it offers {', '.join(offers) or 'nothing'}"))
        note(_encryption(mail, offers))
        note(_name(mail, transport.name))


def _encryption(mail: MailSettings, offers: list[str]) -> Finding:
    code = "mail.encryption"
    if mail.tls != "none":
        return ok(code, f"encrypted ({mail.tls})")
    if "STARTTLS" in offers and not is_local(mail.host):
        found = "mail goes to the server in the clear, codes and all, though it offers STARTTLS"
        return warning(code, found, 'set mail.tls = "starttls"')
    return ok(code, "not encrypted, on this machine" if is_local(mail.host) else "not encrypted; the server cannot")


def _name(mail: MailSettings, name: str) -> Finding:
    code, found = "mail.ehlo", f"the daemon calls itself {name}"
    if "." in name or name.startswith("[") or is_local(mail.host):
        return ok(code, found)
    return warning(
        code, f"{found}, which is no full domain name: servers may refuse it", "set mail.ehlo or mail.sender"
    )
