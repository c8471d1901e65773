"""Lint of hosts.toml: all that containerd ignores, or reads otherwise than a person."""

from __future__ import annotations

from itertools import islice
from typing import Callable, Iterator, List, Tuple

from private_registry.check.causes import Cause
from private_registry.check.findings import Finding, Remedy
from private_registry.check.lint import (
    hosts_keys_lint,
    hosts_refused_lint,
    hosts_settings_lint,
    hosts_urls_lint,
)
from private_registry.check.lint.drafts import (
    Draft,
    File,
    bad_addresses,
    bad_addresses_of,
    command_of,
    finding_of,
    in_utf_8,
    without_mark,
)
from private_registry.check.reading import hosts_entries
from private_registry.check.reading.hosts_document import (
    UTF_16_MARKS,
    HostsDocument,
    Refused,
)
from private_registry.check.reading.reading import HostEntry

Entries = Tuple[HostEntry, ...]
# Nobody writes such a file by hand, and each finding reads it anew.
_LARGEST, _MOST_DRAFTS = 16 * 1024, 20
_RULES: Tuple[Callable[[File, HostsDocument, Entries], Iterator[Draft]], ...] = (
    hosts_keys_lint.drafts,
    hosts_urls_lint.drafts,
    hosts_settings_lint.drafts,
)


def findings_of(file: File, entries: Entries) -> List[Finding]:
    """Look through a hosts.toml.

    Args:
        file: the file, which is not empty.
        entries: whom containerd asks for its registry, be it by this file or, where
            containerd throws it away, without.
    """
    if len(file.content) > _LARGEST:
        return []
    if file.entries() is None:
        return [_refused(file, entries)] if _says_anything(file) else []
    document = file.document()
    rules = (draft for rule in _RULES for draft in rule(file, document, entries))
    is_unclear = any(not each.slip.right for each in bad_addresses(file.lines))
    every = (_safe(file, each, is_unclear=is_unclear) for each in rules)
    drafts = list(islice(every, _MOST_DRAFTS))
    return one_command(
        file, [(draft, finding_of(file, draft, entries)) for draft in drafts]
    )


def one_command(file: File, found: List[Tuple[Draft, Finding]]) -> List[Finding]:
    """Give all faults of a file the one command that mends them all.

    Line numbers hold for the file as it is, so the commands of several findings could
    not be pasted one after the other.
    """
    edits = [
        edit for draft, finding in found if finding.is_fault for edit in draft.edits
    ]
    commands = [each for _, each in found if each.is_fault and each.remedy.command]
    lines = [
        line for edit in edits for line in range(edit.first, edit.first + edit.gone)
    ]
    if len(commands) < 2 or len(lines) != len(set(lines)):  # noqa: PLR2004 - several
        return [finding for _, finding in found]
    remedy = Remedy(command_of(file, tuple(edits)))
    return [
        finding._replace(remedy=remedy) if finding in commands else finding
        for _, finding in found
    ]


def _safe(file: File, draft: Draft, *, is_unclear: bool) -> Draft:
    """Return a draft without edits that leave an address as wrong as it is.

    Args:
        file: that it is about.
        draft: what was found.
        is_unclear: the file has an address of which only people know what was meant.
    """
    is_kept = draft.edits and (
        bad_addresses_of(draft.edits)
        or (is_unclear and bad_addresses(file.edited(draft.edits).lines))
    )
    return draft._replace(edits=()) if is_kept else draft


def _says_anything(file: File) -> bool:
    return any(
        line.strip() and not line.lstrip().startswith("#") for line in file.lines
    )


def _refused(file: File, entries: Entries) -> Finding:
    draft = hosts_refused_lint.draft_of(file, _refusal(file))
    bad = bad_addresses(file.edited(draft.edits).lines)
    # A crash takes more than this file, and is told whatever else is wrong.
    if bad and draft.cause not in (Cause.BAD_URL, Cause.CRASHES):
        # People mend it first; the rest is told then.
        draft = Draft(Cause.BAD_URL, bad[0].what, draft.why, line=bad[0].line)
    after = file.edited(draft.edits).entries() if draft.edits else None
    if after is None and draft.edits and not _gets_further(file, draft):
        draft = draft._replace(edits=())
    finding = finding_of(file, draft, entries)
    edited = file.edited(draft.edits)
    if draft.cause is Cause.BYTE_ORDER_MARK:
        finding = finding._replace(remedy=Remedy(without_mark(file)))
        edited = file._replace(content=file.text.encode())
    if file.content.startswith(UTF_16_MARKS):
        return finding._replace(remedy=Remedy(in_utf_8(file)))
    return _with_certificates(finding, edited, entries)


def _with_certificates(finding: Finding, edited: File, entries: Entries) -> Finding:
    """Return a finding with a remedy that lets those certificates count on that count
    now, beside a file that is thrown away.
    """
    command, after = finding.remedy.command, edited.entries()
    if not command or after is None:
        return finding
    own = {each.authority for each in entries}
    places = {each.url for each in after if each.authority in own}
    edits = tuple(
        edit
        for draft in hosts_settings_lint.drafts(edited, edited.document(), after)
        if draft.cause is Cause.CERTIFICATES_IGNORED and draft.endpoint in places
        for edit in draft.edits
    )
    if not edits:
        return finding
    # A table twice is one place.
    more = command_of(edited, tuple(dict.fromkeys(edits)))
    return finding._replace(remedy=Remedy(f"{command} && {more}" if more else command))


def _refusal(file: File) -> Refused:
    try:
        hosts_entries.entries_of_file(
            file.registry, file.content, file.path, file.version
        )
    except Refused as refused:
        return refused
    raise AssertionError(file.path)


def _gets_further(file: File, draft: Draft) -> bool:
    """Whether after its edits something else is wrong with a file."""
    before, after = _refusal(file), _refusal(file.edited(draft.edits))
    return (before.kind, before.words) != (after.kind, after.words)
