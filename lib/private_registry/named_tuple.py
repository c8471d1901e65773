"""NamedTuple as typing has it, made in half of the time.

typing compiles the annotation of every field, which nothing here asks for: with all
the values that an enable imports that would be a tenth of its time.
"""

from __future__ import annotations

from collections import namedtuple
from typing import TYPE_CHECKING, Any, Dict, Tuple

if TYPE_CHECKING:
    from typing import NamedTuple as NamedTuple  # noqa: PLC0414 - what others import
else:
    _ITS_OWN = ("__annotations__", "__module__", "__qualname__")

    class _Made(type):
        def __new__(
            cls, name: str, bases: Tuple[type, ...], body: Dict[str, Any]
        ) -> type:
            if not bases:
                return super().__new__(cls, name, bases, body)
            fields = body.get("__annotations__", {})
            defaults = [body[field] for field in fields if field in body]
            made = namedtuple(  # noqa: PYI024 - this is the one that is quick
                name, fields, defaults=defaults, module=body["__module__"]
            )
            made.__annotations__ = made.__new__.__annotations__ = fields
            for key, value in body.items():
                if key not in fields and key not in _ITS_OWN:
                    setattr(made, key, value)
            return made

    class NamedTuple(metaclass=_Made):
        """A tuple whose fields are the annotations of the class."""
