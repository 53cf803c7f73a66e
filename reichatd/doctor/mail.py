"""Whether letters could be sent."""

import trio

from reichatd.doctor.findings import Note, error, ok, skipped
from reichatd.doctor.patient import Patient
from reichatd.mail import Deferred, Refused


async def check(patient: Patient, note: Note) -> None:
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
        await trio.to_thread.run_sync(transport.try_out, abandon_on_cancel=True)
    except Deferred as problem:
        note(
            error(
                code,
                f"{where} does not answer: {problem}",
                "see mail.host, mail.port, mail.tls, and the firewall between",
            )
        )
    except Refused as problem:
        note(
            error(
                code,
                f"{where} refuses: {problem}",
                "see mail.tls, mail.username and the password in mail.password_file",
            )
        )
    else:
        note(ok(code, f"{where} {f'lets {mail.username} in' if mail.username else 'answers; no login is set'}"))
