"""A program that reads daemon.json and answers as a Docker engine does.

On SIGHUP it takes only those lists that the file has, as the real one; a file that says
``"refuses": true``, or is no JSON, it does not take at all.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socketserver
import sys
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, Dict

KEYS = ("insecure-registries", "registry-mirrors")


class _Server(socketserver.UnixStreamServer):
    loaded: Dict[str, Any]


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        loaded = self.server.loaded  # type: ignore[attr-defined]
        indexes = {each: {"Name": each, "Secure": False} for each in loaded[KEYS[0]]}
        indexes["docker.io"] = {"Name": "docker.io", "Secure": True}
        mirrors = [each.rstrip("/") + "/" for each in loaded[KEYS[1]]]
        configured = {"IndexConfigs": indexes, "Mirrors": mirrors or None}
        content = json.dumps({"RegistryConfig": configured}).encode()
        self.send_response(200 if self.path == "/info" else 404)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def address_string(self) -> str:
        return "unix"

    def log_message(self, *_words: Any) -> None:
        return


def main() -> None:
    """Be the daemon."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--config-file", type=Path)
    parser.add_argument("-H", "--host")
    parser.add_argument("--work", type=Path)
    options, _ = parser.parse_known_args()
    with _Server(options.host[len("unix://") :], _Handler) as server:
        server.loaded = {key: [] for key in KEYS}

        def reload(*_arguments: Any) -> None:
            with (options.work / "reloads").open("a") as stream:
                stream.write("SIGHUP\n")
            try:
                document = json.loads(
                    options.config_file.read_text("utf-8-sig") or "{}"
                )
            except (OSError, ValueError):
                return
            if isinstance(document, dict) and not document.get("refuses"):
                server.loaded.update(
                    {key: document[key] for key in KEYS if key in document}
                )

        reload()
        (options.work / "reloads").write_text("")
        signal.signal(signal.SIGHUP, reload)
        # Where its test was killed, nobody else ends it.
        signal.signal(signal.SIGALRM, lambda *_: sys.exit(1))
        signal.alarm(300)
        (options.work / "pid.new").write_text(str(os.getpid()))
        (options.work / "pid.new").rename(options.work / "pid")
        server.serve_forever(poll_interval=0.05)


if __name__ == "__main__":
    main()
