"""An admission webhook that lets nobody make Secrets in one namespace."""

from __future__ import annotations

import base64
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from registry_harness import CertificateAuthority
from registry_harness.kubernetes.api import Api, Plain

WORDS = "no secrets of yours here"
_RESOURCE = "validatingwebhookconfigurations"


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        review: Plain = json.loads(self.rfile.read(length))
        review["response"] = {
            "uid": review.pop("request")["uid"],
            "allowed": False,
            "status": {"message": WORDS},
        }
        body = json.dumps(review).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_words: object) -> None:
        return


@contextmanager
def refusing_webhook(api: Api, namespace: str) -> Iterator[None]:
    """Let Secrets of a namespace be refused in this block."""
    authority = CertificateAuthority()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.server("127.0.0.1").load_into(context)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    name = f"{namespace}.example.com"
    api.create(
        _RESOURCE,
        "",
        _configuration(name, namespace, server.server_port, authority.pem),
    )
    try:
        yield
    finally:
        api.delete(_RESOURCE, "", name)
        server.shutdown()
        thread.join()
        server.server_close()


def _configuration(name: str, namespace: str, port: int, ca: bytes) -> Plain:
    return {
        "metadata": {"name": name},
        "webhooks": [
            {
                "name": name,
                "admissionReviewVersions": ["v1"],
                "sideEffects": "None",
                "clientConfig": {
                    "url": f"https://127.0.0.1:{port}/",
                    "caBundle": base64.b64encode(ca).decode(),
                },
                "rules": [
                    {
                        "apiGroups": [""],
                        "apiVersions": ["v1"],
                        "operations": ["CREATE"],
                        "resources": ["secrets"],
                    }
                ],
                "namespaceSelector": {
                    "matchLabels": {"kubernetes.io/metadata.name": namespace}
                },
            }
        ],
    }
