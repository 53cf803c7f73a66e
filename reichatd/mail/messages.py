"""The words of all mails."""

from email.headerregistry import Address
from email.message import EmailMessage

from reichatd.mail.compose import MailText, compose, duration

_IF_NOT_YOU = "If it was not you, set a new password now: anyone who did this knows your password."

_SECURE = "If it was not you, ask for a new password where you log in: it ends all logins to your account."


def verification_mail(*, sender: Address, to: str, username: str, code: str, minutes: float) -> EmailMessage:
    """The mail with the code that completes a registration; the arguments are those of `compose`."""
    text = MailText(
        subject="Your verification code",
        opening="your verification code is",
        code=code,
        closing=f"It is valid for {duration(minutes)}.",
        note="Somebody, probably you, asked for an account with this address. If it was not you, ignore this message: without the "
        "code nothing happens.",
    )
    return compose(text, sender=sender, to=to, username=username)


def already_registered() -> MailText:
    """For the owner of an account, in place of a code: other people do not learn that the account exists."""
    return MailText(
        subject="You have an account already",
        opening="somebody, probably you, asked for an account with this address. It has one already: log in with it.",
        closing="If you do not remember the password, ask for a new one where you log in.",
        note="If it was not you, ignore this message: nothing has changed.",
    )


def email_change(code: str, minutes: float) -> MailText:
    """To a new address, with the code that makes it the address of the account."""
    return MailText(
        subject="Your verification code",
        opening="to use this address for your account, enter the code",
        code=code,
        closing=f"It is valid for {duration(minutes)}.",
        note="If you did not ask for it, ignore this message: without the code nothing happens.",
    )


def address_in_use() -> MailText:
    """To the owner of an account whose address another user wants, in place of a code: no other learns that there is an account."""
    return MailText(
        subject="Your address has an account here",
        opening="somebody asked to use this address for another account. It belongs to yours, so nothing has changed.",
        note="If it was you, log in to the account of this address, or use another address. If not, ignore this message.",
    )


def email_change_requested(email: str) -> MailText:
    """To the present address, which the account keeps until the new one is verified."""
    return MailText(
        subject="Your e-mail address is about to change",
        opening=f"somebody, probably you, asked to change the e-mail address of your account to {email}.",
        note=_IF_NOT_YOU,
    )


def email_changed(email: str) -> MailText:
    """To the former address."""
    return MailText(
        subject="Your e-mail address has changed",
        opening=f"the e-mail address of your account is now {email}. No further mail comes to this one.",
        note="If it was not you, ask the people who run this server to help you.",
    )


def provider_linked(provider: str) -> MailText:
    """From now on the user can log in by a provider."""
    return MailText(
        subject="A new way to log in",
        opening=f"from now on you can log in to your account with your account at {provider}.",
        note="If it was not you, set a new password, and end this in the settings of your account.",
    )


def password_reset(link: str, minutes: float, *, is_code: bool) -> MailText:
    """With the link that sets a new password.

    Arguments:
        is_code: whether `link` is only the code that is at the end of the link otherwise, since the daemon does not know its URL.
    """
    where = 'enter this code where you log in, under "Password forgotten":' if is_code else "open this page:"
    return MailText(
        subject="Set a new password",
        opening=f"to set a new password, {where}",
        link=link,
        closing=f"It is valid for {duration(minutes)}, and once. All your devices are logged out.",
        note="If you did not ask for it, ignore this message: your password stays as it is.",
    )


def password_changed() -> MailText:
    """After the user has set a new password, with the old one."""
    return MailText(
        subject="Your password has changed",
        opening="your account has a new password. All other devices were logged out.",
        note=_SECURE,
    )


def second_factor_on() -> MailText:
    """From now on a login needs a code."""
    return MailText(
        subject="Second factor turned on",
        opening="from now on a login to your account needs a code of an authenticator app.",
        note=_SECURE,
    )


def second_factor_off() -> MailText:
    """From now on a login needs no code."""
    return MailText(
        subject="Second factor turned off",
        opening="a login to your account needs no code of an authenticator app any more.",
        note=_SECURE,
    )


def password_was_reset() -> MailText:
    """After a new password was set by mail."""
    return MailText(
        subject="Your password has changed",
        opening="your account has a new password, set with a link from a mail. All devices were logged out. Tokens, app passwords "
        "and links with a login provider have ended.",
        note="If it was not you, somebody reads your mail: secure your mailbox, then ask for a new password again.",
    )


def token_reused(device: str) -> MailText:
    """A session has ended since its refresh token was copied."""
    which = f" ({device})" if device else ""
    return MailText(
        subject="A login was ended",
        opening=f"one of your logins{which} was used from two places at once. It may have been copied, so it was ended. "
        "Log in again on that device.",
        note="If this happens again, set a new password: that ends all other logins.",
    )
