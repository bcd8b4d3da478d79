"""Makes a request message of the fields of a form or a query."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TypeVar

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from services.runtime.errors import FieldViolation, InvalidInput

_WHOLE_NUMBER = re.compile(r"-?[0-9]{1,9}")
M = TypeVar("M", bound=Message)


def message_of(kind: type[M], fields: Mapping[str, Sequence[str]]) -> M:
    """Returns the message with these fields. A list has a value for each time that its field is given.

    Fields must be texts or whole numbers. Raises InvalidInput that names every unknown or invalid field.
    """
    # Proto JSON accepts both names of a field.
    known = {name: field for field in kind.DESCRIPTOR.fields for name in (field.name, field.json_name)}
    given: dict[str, list[str]] = {}
    violations = []
    for name, values in fields.items():
        if name in known:
            given.setdefault(known[name].name, []).extend(values)
        else:
            allowed = ", ".join(field.name for field in kind.DESCRIPTOR.fields)
            violations.append(FieldViolation(name[:100], f"unknown field; the known fields are {allowed}"))
    message = kind()
    for name, values in given.items():
        field = known[name]
        if not field.is_repeated and len(values) > 1:
            violations.append(FieldViolation(name, "must be given once"))
        elif field.is_repeated:
            getattr(message, name).extend(values)
        elif field.type == FieldDescriptor.TYPE_STRING:
            setattr(message, name, values[0])
        elif field.type != FieldDescriptor.TYPE_INT32:
            raise TypeError(f"{field.full_name} can't be given in a form")
        elif _WHOLE_NUMBER.fullmatch(values[0].strip()):
            setattr(message, name, int(values[0]))
        else:
            violations.append(FieldViolation(name, "must be a whole number"))
    if violations:
        raise InvalidInput.of(*violations)
    return message
