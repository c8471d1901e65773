"""What a cluster's API answers in place of an object, in the words of Kubernetes 1.36.3."""

from __future__ import annotations

from typing import Any

Plain = dict[str, Any]


class Refusal(Exception):
    """What the API answers in place of an object."""

    def __init__(self, code: int, reason: str, message: str, details: Plain | None = None) -> None:
        super().__init__(message)
        self.status = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": message,
            "reason": reason,
            "details": details or {},
            "code": code,
        }
        self.code = code


def conflict(message: str) -> Refusal:
    """Return the refusal of a request that names another version than there is."""
    return Refusal(409, "Conflict", f"Operation cannot be fulfilled on {message}")


def invalid(plain: Plain, field: str, why: str) -> Refusal:
    """Return the refusal of an object for the value of a field."""
    kind, name = plain["kind"], plain["metadata"]["name"]
    why = f"Invalid value: {why}"
    cause = {"reason": "FieldValueInvalid", "message": why, "field": field}
    message = f'{kind} "{name}" is invalid: {field}: {why}'
    details = {"kind": kind, "name": name, "causes": [cause]}
    return Refusal(422, "Invalid", message, details)
