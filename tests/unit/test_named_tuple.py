"""The engine's NamedTuple is typing's in all that the engine asks of one."""

from __future__ import annotations

import copy
import typing
from typing import List, Optional, get_type_hints

import pytest

from private_registry.named_tuple import NamedTuple


class _Ours(NamedTuple):
    """A value.

    Args:
        name: what it is called.
    """

    name: str
    parts: List[str]
    secret: Optional[str] = None
    uses: int = 3

    @property
    def first(self) -> str:
        """The first part."""
        return self.parts[0]

    def __repr__(self) -> str:
        return f"_Ours({self.name})"

    @classmethod
    def of(cls, name: str) -> _Ours:
        """Return one with a single part."""
        return cls(name, [name])


class _Shown(NamedTuple):
    """A value without methods of its own."""

    name: str
    parts: List[str]
    secret: Optional[str] = None
    uses: int = 3


class _Typings(typing.NamedTuple):
    """A value.

    Args:
        name: what it is called.
    """

    name: str
    parts: List[str]
    secret: Optional[str] = None
    uses: int = 3


def test_it_is_a_tuple_with_fields_and_defaults() -> None:
    value = _Ours("a", ["b", "c"])
    assert (
        tuple(value) == tuple(_Typings("a", ["b", "c"])) == ("a", ["b", "c"], None, 3)
    )
    assert value._replace(uses=4) == _Ours(name="a", parts=["b", "c"], uses=4)
    assert (_Ours._fields, _Ours._field_defaults) == (
        _Typings._fields,
        _Typings._field_defaults,
    )


def test_it_has_what_its_class_has() -> None:
    assert _Ours.of("x").first == "x"
    assert repr(_Ours.of("x")) == str(_Ours.of("x")) == "_Ours(x)"
    assert _Ours.__doc__ == _Typings.__doc__
    assert (_Ours.__name__, _Ours.__module__) == ("_Ours", __name__)


def test_it_can_be_copied_and_told_by_its_types() -> None:
    value = _Ours("a", ["b"])
    assert copy.deepcopy(value) == value
    assert get_type_hints(_Ours) == get_type_hints(_Typings)


def test_a_field_that_is_missing_or_unknown_is_refused() -> None:
    with pytest.raises(TypeError, match="missing"):
        _Ours("a")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="unexpected"):
        _Ours("a", [], other=1)  # type: ignore[call-arg]
    with pytest.raises(AttributeError):
        _Ours("a", []).name = "b"  # type: ignore[misc]


def test_too_many_values_and_fields_given_twice_are_refused() -> None:
    with pytest.raises(TypeError, match="unexpected"):
        _Ours("a", [], None, 3, 4)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="unexpected"):
        _Ours("a", [], name="b")  # type: ignore[misc]
    with pytest.raises(ValueError, match="unexpected fields"):
        _Ours("a", [])._replace(other=1)  # type: ignore[call-arg]


def test_what_is_derived_of_it_has_its_fields() -> None:
    class Derived(_Shown):
        more: int = 4

    class DerivedOfTypings(_Typings):
        more: int = 4

    assert Derived._fields == DerivedOfTypings._fields == _Shown._fields
    assert tuple(Derived("a", ["b"])) == tuple(DerivedOfTypings("a", ["b"]))


def test_it_is_shown_as_typings() -> None:
    value = _Shown("a", ["b"], secret="c")
    assert repr(value) == repr(_Typings("a", ["b"], "c")).replace("_Typings", "_Shown")
    assert copy.copy(value) == value
    assert value._asdict() == _Typings("a", ["b"], "c")._asdict()
