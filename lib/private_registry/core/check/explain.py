"""What an error message of a pull means, and what to type; asks nobody."""

from __future__ import annotations

import re
from typing import List, NamedTuple, Optional, Tuple

from private_registry.core.check.diagnosis import TEXTS
from private_registry.core.check.explain_rules import RULES, Certainty, Rule
from private_registry.core.check.findings import Cause, Finding, Remedy
from private_registry.core.check.image import parse_subject
from private_registry.core.check.mending import Situation, mended
from private_registry.core.check.reading import HostEntry, Reading
from private_registry.core.names import DOCKER_HUB, DOCKER_HUB_SERVER, parse_registry_name
from private_registry.errors import UsageError

_LONGEST = 1024 * 1024
_NEAR = 700
_REFERENCE = re.compile(
    r"(?:image|reference|sandbox image|resolve image|for) \"([A-Za-z0-9][^\"\s]{1,300})\""
    r"|(?:pulling image:?|pull image) ([a-z0-9][^\s\",:]{1,200}(?::[0-9]+/\S{1,200})?)"
)
_URL = re.compile(r"\b(https?)://([^\s/\"'@]{1,260})/v2/")
_DIALLED = re.compile(r"dial tcp ([0-9.]{7,15}|\[[0-9a-f:.]{2,45}\]):(\d{1,5})")
_PAUSE = re.compile(r"failed to (get sandbox image|create pod sandbox|pull image[^\n]{1,100}pause)")
_BACK_OFF = re.compile(r"ImagePullBackOff|Back-off pulling image|ErrImagePull")
_CHECK = Remedy("microk8s private-registry check")
_OTHER_TEXTS = {
    Cause.CRASHES: "a key stands in [host] itself of a hosts.toml: each pull ends containerd",
    Cause.MIRRORS_BESIDE_CONFIG_PATH: "mirrors stand beside config_path in containerd's template",
    Cause.TLS_BESIDE_CONFIG_PATH: "configs.*.tls stand beside config_path in containerd's template",
    Cause.NATIVE_SNAPSHOTTER: "containerd 2.1 cannot unpack images with the snapshotter native",
    Cause.DISK_FULL: "the node's disk is full",
    Cause.TEMPLATE_NOT_TOML: "containerd-template.toml is not TOML",
    Cause.SETTINGS_IGNORED: "containerd-template.toml is written for another containerd",
    Cause.CRI_MISSING: "containerd runs without CRI: it does not take its own configuration",
    Cause.CONTAINERD_DOWN: "containerd does not run",
    Cause.NO_HOST_TABLE: "a hosts.toml has no [host] table, and this containerd throws it away",
    Cause.DUPLICATE: "a table or key stands twice in a hosts.toml, and it is thrown away",
    Cause.UNKNOWN_CAPABILITY: "a hosts.toml has an unknown capability, and is thrown away",
    Cause.BYTE_ORDER_MARK: "a hosts.toml begins with a byte order mark, and is thrown away",
    Cause.UNQUOTED: "an address in a hosts.toml has no quotes, and the file is thrown away",
    Cause.FIELD_TOO_NEW: "a hosts.toml has what this containerd cannot read, and is thrown away",
    Cause.WRONG_TYPE: "a hosts.toml has a value of the wrong kind, and is thrown away",
    Cause.NOT_TOML: "a hosts.toml is not TOML, and is thrown away",
    Cause.NOT_A_DIRECTORY: "a file stands where containerd looks for a registry's directory",
    Cause.NO_CAPABILITY: "no endpoint has the capabilities pull and resolve",
    Cause.CA_MISSING: "a CA file that the configuration names is not there",
    Cause.CLIENT_MISSING: "a client certificate or key that the configuration names is not there",
    Cause.BAD_REFERENCE: "the image's name cannot be one",
    Cause.NO_PROGRESS: "the pull was given up, since nothing arrived for minutes",
    Cause.UNKNOWN: "the kubelet waits after an earlier failure, whose words tell the cause",
}
_REMEDIES = {
    Cause.DISK_FULL: Remedy("df -h /var/snap/microk8s/common"),
    Cause.BAD_REFERENCE: Remedy(owner="whoever wrote the pod has to mend the image's name"),
    Cause.NO_PROGRESS: Remedy(
        owner="its owner, or whoever runs the network, has to mend its speed"
    ),
    Cause.CONTAINERD_DOWN: Remedy("sudo snap start microk8s.daemon-containerd"),
    Cause.PROXY: _CHECK,
    Cause.UNKNOWN: Remedy("microk8s kubectl get events --all-namespaces | grep -i pull"),
}
# Only the node's own files tell what mends these: `check` shows file, line and command.
_FILES = frozenset(_OTHER_TEXTS) - frozenset(_REMEDIES) | frozenset(
    [Cause.CA_UNUSABLE, Cause.CLIENT_UNUSABLE, Cause.BAD_SCHEME, Cause.BAD_URL, Cause.UNREADABLE]
)


class Explanation(NamedTuple):
    """What an error message means; nothing of the message itself is in it.

    Args:
        cause: the kind.
        certainty: whether it may be something else.
        what: a sentence without a full stop.
        why: what else people should know.
        remedy: what mends it.
        registry: that it is about, as image references spell it; empty where it does not say.
    """

    cause: Cause
    certainty: Certainty
    what: str
    why: str
    remedy: Remedy
    registry: str = ""


def explain(text: str) -> Tuple[Explanation, ...]:
    """Explain a message of containerd, the kubelet, ctr or Docker, the most telling first.

    Args:
        text: one line or many; a megabyte of it is read.
    """
    plain = text[:_LONGEST].replace('\\"', '"').replace("\\n", "\n")
    found: List[Explanation] = []
    for block in plain.split("\n"):
        explanation = _of_block(block)
        if explanation is not None and explanation not in found:
            found.append(explanation)
    if not found and _BACK_OFF.search(plain):
        found.append(_explanation(Cause.UNKNOWN, Certainty.LIKELY, "", ""))
    return tuple(sorted(found, key=lambda each: each.certainty is Certainty.LIKELY))


def _of_block(text: str) -> Optional[Explanation]:
    matches = ((rule, rule.pattern.search(text)) for rule in RULES)
    rule, match = next(((rule, match) for rule, match in matches if match), (None, None))
    if rule is None or match is None:
        return None
    near = text[max(0, match.start() - _NEAR) : match.end() + _NEAR]
    explanation = _of_rule(rule, near)
    if _PAUSE.search(text):
        what = (
            f"the pause image, which each pod is started with, cannot be pulled: {explanation.what}"
        )
        return explanation._replace(cause=Cause.PAUSE_IMAGE, what=what)
    return explanation


def _of_rule(rule: Rule, text: str) -> Explanation:
    url = _URL.search(text)
    host = _host(url[2]) if url else ""
    dialled = _DIALLED.search(text)
    if not host and dialled:
        host = _host(f"{dialled[1]}:{dialled[2]}")
    registry = _registry(text) or (DOCKER_HUB if host == DOCKER_HUB_SERVER else host)
    explanation = _explanation(rule.cause, rule.certainty, rule.why, registry)
    if explanation.remedy != Remedy() or not registry:
        return explanation
    scheme = url[1] if url else "https"
    remedy = _remedy(rule.cause, registry, host, scheme)
    return explanation._replace(remedy=remedy)


def _explanation(cause: Cause, certainty: Certainty, why: str, registry: str) -> Explanation:
    remedy = _REMEDIES.get(cause, _CHECK if cause in _FILES or not registry else Remedy())
    what = _OTHER_TEXTS.get(cause) or TEXTS.get(cause) or cause.value
    return Explanation(cause, certainty, what, why, remedy, registry)


def _remedy(cause: Cause, registry: str, host: str, scheme: str) -> Remedy:
    own = DOCKER_HUB_SERVER if registry == DOCKER_HUB else registry
    asked = HostEntry(scheme, host or own, "/v2")
    itself = HostEntry("https", own, "/v2", is_server=True)
    entries = (asked,) if asked.authority == own else (asked, itself)
    speaks = {Cause.SPEAKS_HTTP: "http", Cause.SPEAKS_HTTPS: "https"}.get(cause, scheme)
    situation = Situation(Reading(registry, entries), asked, speaks)
    return mended(Finding(cause, ""), situation).remedy


def _registry(text: str) -> str:
    for match in _REFERENCE.finditer(text):
        try:
            return str(parse_subject(match[1] or match[2]).registry)
        except UsageError:
            continue
    return ""


def _host(text: str) -> str:
    try:
        return str(parse_registry_name(text, "--registry"))
    except UsageError:
        return DOCKER_HUB_SERVER if text == DOCKER_HUB_SERVER else ""
