"""NamedTuple as typing has it, made in a tenth of the time.

typing compiles the annotation of every field, which nothing here asks for, and
collections a function for every class: with all the values that an enable imports these
would be a fifth of its time. Here one function makes the values of all classes.
"""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Any, Dict, Tuple

if TYPE_CHECKING:
    from typing import NamedTuple as NamedTuple  # noqa: PLC0414 - what others import
else:

    class _Made(type):
        def __new__(
            cls, name: str, bases: Tuple[type, ...], body: Dict[str, Any]
        ) -> type:
            if any(getattr(each, "_fields", ()) for each in bases):
                # As typing has it, it gets no fields of its own.
                return super().__new__(cls, name, bases, body)
            fields = tuple(body.get("__annotations__", ()))
            defaults = {field: body[field] for field in fields if field in body}
            getters = {
                field: property(itemgetter(index)) for index, field in enumerate(fields)
            }
            own = {"__slots__": (), "_fields": fields, "_field_defaults": defaults}
            own["_last_values"] = tuple(defaults.values())
            return super().__new__(cls, name, bases, {**body, **getters, **own})

    class NamedTuple(tuple, metaclass=_Made):
        """A tuple whose fields are the annotations of the class."""

        __slots__ = ()

        def __new__(cls, *values: Any, **named: Any) -> Any:
            """Return a value of fields by place or by name.

            Raises:
                TypeError: there are too many, or one is missing, twice or unknown.
            """
            if named or len(values) != len(cls._fields):
                values = cls._completed(values, named)
            return tuple.__new__(cls, values)

        @classmethod
        def _completed(
            cls, values: Tuple[Any, ...], named: Dict[str, Any]
        ) -> Tuple[Any, ...]:
            left = cls._fields[len(values) :]
            if not named and 0 < len(left) <= len(cls._last_values):
                return values + cls._last_values[-len(left) :]
            given = {**cls._field_defaults, **named}
            if len(values) > len(cls._fields) or not named.keys() <= set(left):
                raise TypeError(f"unexpected arguments of {cls.__name__}")
            try:
                return values + tuple([given[field] for field in left])
            except KeyError as error:
                raise TypeError(f"{cls.__name__} is missing {error}") from None

        def _replace(self, **named: Any) -> Any:
            if not named.keys() <= set(self._fields):
                raise ValueError(f"unexpected fields: {sorted(named)}")
            return type(self)(*map(named.get, self._fields, self))

        def _asdict(self) -> Dict[str, Any]:
            return dict(zip(self._fields, self))

        def __getnewargs__(self) -> Tuple[Any, ...]:
            return tuple(self)

        def __repr__(self) -> str:
            fields = ", ".join(f"{k}={v!r}" for k, v in zip(self._fields, self))
            return f"{type(self).__name__}({fields})"
