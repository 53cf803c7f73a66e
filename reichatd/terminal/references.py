"""Short numbers by which a person names messages. Pure.

They are the last three digits of the message's id, which are clear among the last thousand messages; older ones have their whole
id.
"""

_CLEAR = 1000
_DIGITS = 3


def short(message_id: int, last_id: int) -> str:
    """The number of a message, to be shown.

    Arguments:
        last_id: the last message of the room.
    """
    if last_id < _CLEAR:
        return str(message_id)
    if last_id - message_id < _CLEAR:
        return f"{message_id % _CLEAR:0{_DIGITS}}"
    return f"{message_id:0{_DIGITS + 1}}"


def resolve(number: str, last_id: int) -> int | None:
    """The id of the message that a number means; None if there is none."""
    if not (number.isascii() and number.isdigit() and len(number) <= 15):
        return None
    message_id = int(number)
    if len(number) <= _DIGITS:
        message_id = last_id - (last_id - message_id) % _CLEAR
    return message_id if 1 <= message_id <= last_id else None
