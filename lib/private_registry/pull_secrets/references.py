"""The list imagePullSecrets of a service account, changed entry by entry.

The API takes the list as one value, which a merge of any kind replaces whole. So a
change is a JSON patch (RFC 6902) of one entry, which tests the version of the account
that was read: it comes to nothing where anybody changed the account since. (The list
itself cannot be tested where there is
none: RFC 6902 has no test for what is absent.)
"""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Sequence

Operations = List[Dict[str, Any]]
Account = Mapping[str, Any]

_LIST = "imagePullSecrets"


def is_named(account: Account, secret: str) -> bool:
    """Whether an account, as the API gives it, names a Secret."""
    return _times(_entries(account), secret) > 0


def adding(account: Account, secret: str) -> Operations:
    """Return the patch that lets an account name a Secret, behind all that it names.

    Or none.
    """
    entries = _entries(account)
    return (
        []
        if _times(entries, secret)
        else _inserting(account, len(entries), {"name": secret})
    )


def taking_out(account: Account, secret: str, *, exactly: bool = False) -> Operations:
    """Return the patch that takes out the one entry that we added.

    None where it is gone.

    Args:
        account: as it is.
        secret: which is named.
        exactly: only an entry that says what we wrote and no more.
    """
    entries = _entries(account)
    place = _place_of_ours(entries, secret)
    if place is None or (exactly and entries[place] != {"name": secret}):
        return []
    return [_same_version(account), {"op": "remove", "path": f"/{_LIST}/{place}"}]


def putting_back(account: Account, before: Account, secret: str) -> Operations:
    """Return the patch that undoes `taking_out`; none where somebody else has done so.

    Args:
        account: as it is now, maybe changed by somebody else.
        before: as it was when the entry was taken out.
        secret: which was named.
    """
    now, then = _entries(account), _entries(before)
    place = _place_of_ours(then, secret)
    if place is None or _times(now, secret) >= _times(then, secret):
        return []
    return _inserting(account, _place_again(now, then[:place]), then[place])


def _inserting(account: Account, place: int, entry: Mapping[str, Any]) -> Operations:
    whole = {"op": "add", "path": f"/{_LIST}", "value": [entry]}
    one = {"op": "add", "path": f"/{_LIST}/{place}", "value": entry}
    return [_same_version(account), one if _entries(account) else whole]


def _same_version(account: Account) -> Dict[str, Any]:
    version = account["metadata"]["resourceVersion"]
    return {"op": "test", "path": "/metadata/resourceVersion", "value": version}


def _place_again(now: Sequence[Any], in_front: Sequence[Any]) -> int:
    """Return the place behind what stood in front of an entry, as far as that is
    still there.
    """
    if list(now[: len(in_front)]) == list(in_front):
        return len(in_front)
    places = [place for place, each in enumerate(now) if each == in_front[-1]]
    return places[-1] + 1 if places else _place_again(now, in_front[:-1])


def _place_of_ours(entries: Sequence[Mapping[str, Any]], secret: str) -> Optional[int]:
    places = [place for place, each in enumerate(entries) if each.get("name") == secret]
    exact = [place for place in places if entries[place] == {"name": secret}]
    # What has more fields than we wrote is somebody else's, unless it is the only one.
    return next(iter([*exact, *places]), None)


def _times(entries: Sequence[Mapping[str, Any]], secret: str) -> int:
    return sum(each.get("name") == secret for each in entries)


def _entries(account: Account) -> Sequence[Mapping[str, Any]]:
    return account.get(_LIST) or []
