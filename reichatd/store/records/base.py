"""What all records have in common."""

import msgspec


class Record(
    msgspec.Struct, frozen=True, tag_field="type", tag=str.lower, forbid_unknown_fields=True, omit_defaults=True
):
    """A record that a store keeps and a backup holds (`reichatd.store.bulk`). In a backup the field `type` names its class.

    A field that is added later needs a default: the value for records that an older reichatd wrote.
    """
