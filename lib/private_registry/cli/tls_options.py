"""The options about how an HTTPS endpoint is trusted."""

from __future__ import annotations

from typing import Any, List

from private_registry.cli.files_given import Inputs
from private_registry.errors import UsageError
from private_registry.registries.model import Tls

Namespace = Any


def tls_options(values: Namespace) -> List[str]:
    """List the options given that are about TLS."""
    given = {
        "--ca": values.ca,
        "--client-cert": values.client_cert,
        "--client-key": values.client_key,
        "--skip-verify": values.skip_verify,
    }
    return [option for option, value in given.items() if value]


def tls_of(values: Namespace, inputs: Inputs) -> Tls:
    """Read the TLS settings that a command gives.

    Raises:
        UsageError: a part is missing, there is one too many, or a file cannot be used.
    """
    if bool(values.client_cert) != bool(values.client_key):
        there, missing = (
            ("--client-cert", "--client-key")
            if values.client_cert
            else (
                "--client-key",
                "--client-cert",
            )
        )
        raise UsageError(
            f"{there} needs {missing} beside it",
            place=f"option {there}",
            remedy=f"add {missing} FILE",
        )
    if values.skip_verify and values.ca:
        raise UsageError(
            "with --skip-verify no CA is looked at",
            place="option --ca",
            remedy=(
                "leave --skip-verify out: with --ca the registry is trusted by its"
                " certificate"
            ),
        )
    return Tls(
        ca=inputs.ca(values.ca[0]) if values.ca else None,
        client=(
            inputs.client(values.client_cert[0], values.client_key[0])
            if values.client_cert
            else None
        ),
        skip_verify=values.skip_verify,
    )
