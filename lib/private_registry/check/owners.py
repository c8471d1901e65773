"""What only somebody else than the one who reads it can mend.

{who} is who was asked.
"""

from __future__ import annotations

from typing import Dict

from private_registry.check.findings import Cause

OWNERS: Dict[Cause, str] = {
    Cause.TEMPLATE_NOT_TOML: (
        "whoever wrote it: mend the line of containerd-template.toml that containerd's"
        " log names"
    ),
    Cause.SETTINGS_IGNORED: (
        "whoever wrote it: take out of containerd-template.toml the key that is named"
    ),
    Cause.NO_SUCH_NAME: (
        "whoever runs the network: {who} in the DNS that this node asks, or in its"
        " /etc/hosts"
    ),
    Cause.NAME_LOOKUP: (
        "whoever runs the network: a DNS server that answers this node (resolvectl"
        " status)"
    ),
    Cause.REFUSED: "whoever runs {who}: start it, or say which port it listens at",
    Cause.UNREACHABLE: "whoever runs the network: a route from this node to {who}",
    Cause.TIMEOUT: (
        "whoever runs {who} or the network: start it, and let this node through a"
        " firewall to it"
    ),
    Cause.CONNECTION_LOST: (
        "whoever runs {who}, or a proxy before it: it closes connections before it"
        " answers"
    ),
    Cause.TLS_FAILED: (
        "whoever runs {who}: a TLS that Go's clients can speak, 1.2 or newer"
    ),
    Cause.WRONG_NAME: (
        "whoever runs {who}: a certificate that names it; or name images by a name it"
        " is for"
    ),
    Cause.NO_IP_SAN: (
        "whoever runs {who}: a certificate with that IP address; or name images by its"
        " DNS name"
    ),
    Cause.COMMON_NAME_ONLY: (
        "whoever runs {who}: a certificate with subject alternative names"
    ),
    Cause.EXPIRED: "whoever runs {who}: a new certificate",
    Cause.FORBIDDEN: (
        "whoever runs {who}: the right to pull, for this node or its login"
    ),
    Cause.NOT_FOUND: (
        "whoever pushes the image: push it to {who}, or spell it as it was pushed"
    ),
    Cause.SERVER_ERROR: "whoever runs {who}: its log says why",
    Cause.UNEXPECTED_STATUS: (
        "whoever runs {who}, or a proxy before it: its log says why"
    ),
    Cause.NOT_UNDERSTOOD: (
        "whoever runs {who}, or a proxy before it: answers that keep to HTTP; its log"
        " may say more"
    ),
    Cause.BAD_CHALLENGE: (
        "whoever runs {who}: it has to say how to log in (WWW-Authenticate)"
    ),
    Cause.TOKEN_UNREACHABLE: (
        "whoever runs {who} or the network: this node has to reach the token server,"
        " where logins are checked"
    ),
    Cause.NO_PLATFORM: (
        "whoever builds the image: build it for this node's architecture (docker buildx"
        " build --platform)"
    ),
    Cause.IMAGE_FORMAT: (
        "whoever builds the image: build and push it with a newer Docker"
    ),
    Cause.NO_PROGRESS: "whoever runs {who} or the network: data stops on its way",
    Cause.BAD_REFERENCE: (
        "whoever wrote the pod: the image as HOST[:PORT]/NAME[:TAG], lower case,"
        " without https://"
    ),
    Cause.DISK_FULL: (
        "whoever runs the node: free space where containerd keeps images (df -h)"
    ),
}
