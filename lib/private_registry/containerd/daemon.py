"""The node's containerd: its configuration, whether it has loaded it, and its
restart.
"""

from __future__ import annotations

import os
import re
import time
from typing import (
    Any,
    Callable,
    FrozenSet,
    Iterable,
    List,
    Mapping,
    Optional,
)

from private_registry.containerd.releases import Version, parse_version
from private_registry.containerd.template import Entry, Template, shown_key
from private_registry.containerd.template_entries import MIGRATE
from private_registry.containerd.template_file import (
    RENDERED_PATH,
    TEMPLATE_PATH,
    loaded_template,
    read_template,
)
from private_registry.errors import ConflictError, NodeError, UnsupportedError
from private_registry.node import commands, files
from private_registry.node.file_values import NodePath, Root
from private_registry.node.paths import (
    CONTAINERD_ARGUMENTS,
    Node,
)
from private_registry.texts.showing import shown_place, without_logins
from private_registry.transaction.journal import Journal
from private_registry.transaction.ledger import EntryKey

RESTART_SECONDS = 120
CRI_SECONDS = 60
_ANSWER_SECONDS = 2
_POLL_SECONDS = 0.1
_SILENT_SECONDS = 5
_SHOWN_LINES = 3
_PULL_SECRETS = "keep the login in the cluster: add --pull-secret NAME"
_ERROR_WORDS = r"(?m)^\s*Message:\s*(.+)$"


class Containerd:
    """The containerd of a node; follows a transaction by a restart.

    Args:
        node: whose.
        secrets: returns the texts that must not show in any message; asked only for an
            error.
        say: is told what takes long.
    """

    needs_journal = False
    order = 2

    def __init__(
        self,
        node: Node,
        secrets: Callable[[], Iterable[str]] = tuple,
        say: Callable[[str], None] = lambda _line: None,
    ) -> None:
        self._node = node
        self._secrets = secrets
        self._say = say
        self._was_restarted = False

    @property
    def process(self) -> Optional[int]:
        """The number of the running process; None where it does not run."""
        path = socket_of(self._node)
        if not os.path.exists(path):
            return None
        # Sockets are slow to import.
        from private_registry.containerd.cri.listening import listener  # noqa: PLC0415

        return listener(path)

    def unloaded(self, text: str, keys: Iterable[EntryKey]) -> FrozenSet[EntryKey]:
        """Return those entries that a running containerd has otherwise than a
        template's text.

        MicroK8s renders the template at each start (run-containerd-with-args); the
        rendered file is what the running one has read.
        """
        wanted = list(keys)
        if not wanted or self.process is None:
            return frozenset()
        loaded = loaded_template(self._node)
        template = Template(self._node.rendered(text), self._node.shown(TEMPLATE_PATH))
        return frozenset(
            key
            for key in wanted
            if loaded is None or _get(loaded, key) != _get(template, key)
        )

    def check_takes(self, text: str, entries: Iterable[Entry]) -> None:
        """Let the node's containerd read a template's text, without starting it.

        A containerd that cannot be asked is believed to take it.

        Raises:
            NodeError: it cannot read the text.
            UnsupportedError: it would ignore one of the entries.
        """
        wanted = list(entries)
        output = self._dumped(text) if wanted else None
        if output is None:
            return
        try:
            understood = Template(output, "containerd config dump")
        except NodeError:
            return
        self._check_understood(understood, wanted, text)

    def check_starts(self, text: str) -> None:
        """Let a containerd that does not run read a template's text.

        Raises:
            NodeError: it does not run because it cannot read the text.
        """
        program = os.path.join(self._node.snap, "bin", "containerd")
        # What runs programs, or asks a socket, is slow to import.
        if os.access(program, os.X_OK) and self.process is None:
            self._dumped(text)

    def _dumped(self, text: str) -> Optional[str]:
        """Return what containerd understands of a text; None where it is not there."""
        program = os.path.join(self._node.snap, "bin", "containerd")
        command = [program, "--config", "/dev/stdin", "config", "dump"]
        done = commands.run(command, stdin=os.fsencode(self._node.rendered(text)))
        if done is not None and done.exit_code != 0:
            raise NodeError(
                f"containerd cannot read its configuration: {self._words(done.stderr)}",
                place=self._node.shown(TEMPLATE_PATH),
                remedy="mend that; containerd could not start with it either",
            )
        return None if done is None else done.stdout

    def _check_understood(
        self, understood: Template, wanted: List[Entry], text: str
    ) -> None:
        shown = self._node.shown(TEMPLATE_PATH)
        for entry in wanted:
            if not _says(understood, entry, self._node):
                raise UnsupportedError(
                    f"this node's containerd no longer reads {shown_key(entry.key)}"
                    " from its configuration",
                    place=shown,
                    remedy=_PULL_SECRETS if entry.is_secret else MIGRATE,
                )
        path = Template(text, shown).config_path
        if path is not None and understood.config_path != self._node.rendered(path):
            raise UnsupportedError(
                "with it, this node's containerd would no longer read config_path = "
                + shown_place(path),
                place=shown,
                remedy=(
                    "have config_path and registry.configs in one and the same section"
                ),
            )

    def restart(self) -> None:
        """Restart containerd, and nothing else, and wait until CRI answers.

        Raises:
            NodeError: it cannot be restarted, or CRI does not answer.
        """
        self._was_restarted = True
        before = self.process
        problem = self._restarted(before)
        if problem is None and not self._cri_comes(before):
            problem = self._complaint()
        if problem is not None:
            raise NodeError(
                f"containerd does not start with it: {self._words(problem)}",
                place=self._node.shown(TEMPLATE_PATH),
            )
        if self._differs():
            raise NodeError(
                "containerd was restarted and still has its old configuration",
                place=self._node.shown(RENDERED_PATH),
                remedy="see why MicroK8s does not make it anew from its template",
            )

    def noted_in(self, journal: Journal) -> Journal:
        """Return a journal that tells of the restart."""
        return journal._replace(restart=True)

    def take(self, _staging: str) -> None:
        """Restart containerd, which reads at its start what was written."""
        self.restart()

    def settle(self, _staging: str) -> None:
        """Restart containerd if it has another registry section than the template, or
        no CRI.

        One that we did not stop ourselves is not started.

        Raises:
            NodeError: see restart.
        """
        if self.process is None and not self._was_restarted:
            return
        if self._differs() or not self._cri_answers():
            self.restart()

    def _cri_answers(self) -> bool:
        # Sockets are slow to import.
        from private_registry.containerd.cri.calls import answers  # noqa: PLC0415

        return answers(socket_of(self._node), _ANSWER_SECONDS)

    def _differs(self) -> bool:
        """Whether containerd runs with another registry section than the template's."""
        file, loaded = read_template(self._node), loaded_template(self._node)
        keys = {*file.template.keys, *(loaded.keys if loaded else ())}
        return bool(self.unloaded(file.text, keys))

    def _restarted(self, before: Optional[int]) -> Optional[str]:
        """Restart by the first way that works; return what went wrong, or None."""
        service = f"{self._node.snap_name}.daemon-containerd"
        ways = [
            ["snapctl", "restart", service],
            ["snap", "restart", service],
            ["systemctl", "restart", f"snap.{service}"],
        ]
        problems = []
        for way in ways:
            done = commands.run(way, seconds=RESTART_SECONDS)
            if done is not None and done.exit_code == 0:
                return None
            if done is not None:
                problems.append(f"{way[0]}: {done.stderr or done.stdout}".strip())
            if self.process != before:
                # It was restarted, and did not come up again.
                return self._complaint()
        return (
            problems[0]
            if problems
            else "there is no snapctl, snap or systemctl to restart it"
        )

    def _cri_comes(self, before: Optional[int]) -> bool:
        start = time.monotonic()
        is_told = False
        while time.monotonic() - start < CRI_SECONDS:
            process = self.process
            if process not in (None, before):
                if self._cri_answers():
                    return True
                if self.cri_error():
                    return False
            if not is_told and time.monotonic() - start > _SILENT_SECONDS:
                self._say(f"Waiting for containerd's CRI, at most {CRI_SECONDS} s ...")
                is_told = True
            time.sleep(_POLL_SECONDS)
        return False

    def cri_error(self) -> Optional[str]:
        """Return why the CRI plugin was not loaded.

        None where containerd names no reason.
        """
        control = os.path.join(self._node.snap, "bin", "ctr")
        command = [
            control,
            "--address",
            socket_of(self._node),
            "plugins",
            "ls",
            "-d",
            "id==cri",
        ]
        match = re.search(_ERROR_WORDS, commands.output_of(command) or "")
        return self._words(match[1]) if match else None

    def _complaint(self) -> str:
        unit = f"snap.{self._node.snap_name}.daemon-containerd"
        command = [
            "journalctl",
            "--unit",
            unit,
            "--lines",
            "20",
            "--output",
            "cat",
            "--no-pager",
        ]
        done = commands.run(command)
        lines = (
            done.stdout.splitlines() if done is not None and done.exit_code == 0 else []
        )
        telling = [
            line
            for line in lines
            if "level=fatal" in line or line.startswith("containerd:")
        ]
        return (
            (self.cri_error() if self.process is not None else None)
            or "\n".join(telling[-_SHOWN_LINES:])
            or "\n".join(lines[-_SHOWN_LINES:])
            or f"CRI did not answer within {CRI_SECONDS} s"
        )

    def _words(self, text: str) -> str:
        """Return what a program said as one line, without a secret of anybody's."""
        for secret in self._secrets():
            text = text.replace(secret, "...")
        words = " / ".join(line.strip() for line in text.splitlines() if line.strip())
        for secret in sorted(
            filter(None, self._secrets_in_the_template()), key=len, reverse=True
        ):
            words = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", "...", words)
        return without_logins(words) or "it says nothing"

    def _secrets_in_the_template(self) -> Iterable[str]:
        try:
            return read_template(self._node).template.secrets
        except (NodeError, ConflictError):
            return ()


def socket_of(node: Node) -> str:
    """Return the path of containerd's socket, as its arguments have it."""
    found = files.observe(node.place(NodePath(Root.DATA, CONTAINERD_ARGUMENTS)))
    content = b"" if found is None else found.content
    return node.socket(content.decode(errors="replace"))


def version_by_cri(node: Node) -> Optional[Version]:
    """Ask the containerd that runs for its version; None where it does not answer.

    For where the snap's programs are out of sight.
    """
    # Sockets are slow to import.
    from private_registry.containerd.cri.calls import version  # noqa: PLC0415

    try:
        told = version(socket_of(node), _ANSWER_SECONDS)
    except OSError:
        # This user may not see where it is.
        return None
    return None if told is None else parse_version(told)


def version_of(node: Node) -> Optional[Version]:
    """Ask the snap's containerd for its version; None where it does not answer."""
    program = os.path.join(node.snap, "bin", "containerd")
    output = commands.output_of([program, "--version"])
    return None if output is None else parse_version(output)


def name_image(node: Node, socket: str, image: str, name: str) -> bool:
    """Let a name stand for an image that is there; whether containerd did so.

    Args:
        node: whose ctr is run.
        socket: of containerd.
        image: its identifier, which CRI has as a name, too.
        name: as image references are.
    """
    control = os.path.join(node.snap, "bin", "ctr")
    command = [control, "--address", socket, "--namespace", "k8s.io"]
    done = commands.run([*command, "images", "tag", "--force", image, name])
    return done is not None and done.exit_code == 0


def _get(template: Template, key: EntryKey) -> Any:
    try:
        return template.get(key)
    except ConflictError:
        return "inline"


def _says(understood: Template, entry: Entry, node: Node) -> bool:
    found = _get(understood, entry.key)
    if not isinstance(found, Mapping):
        return False
    if entry.is_secret:
        # go-toml v1, which prints for containerd 1.x, misprints U+1F004 and its like.
        return all(found.get(key) for key in entry.value)
    return all(
        found.get(key) == _rendered(value, node) for key, value in entry.value.items()
    )


def _rendered(value: Any, node: Node) -> Any:
    if isinstance(value, list):
        return [_rendered(each, node) for each in value]
    return node.rendered(value) if isinstance(value, str) else value
