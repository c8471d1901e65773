"""A sudo that lets an ordinary user be root, and cleans nothing of what comes from
there.

The program hands its command line, folder, environment and open files to the process of
the tests, which has to be root's.
"""

from __future__ import annotations

import array
import json
import os
import socket
import subprocess
import threading
from pathlib import Path
from typing import Any, Dict, List

_PROGRAM = """#!{python} -I
import array, json, os, socket, sys
with socket.socket(socket.AF_UNIX) as connection:
    connection.connect({socket!r})
    files = array.array("i", [0, 1, 2])
    connection.sendmsg([b"f"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, files)])
    said = {{"words": sys.argv[1:], "folder": os.getcwd()}}
    said["environment"] = dict(os.environ)
    connection.sendall(json.dumps(said).encode())
    connection.shutdown(socket.SHUT_WR)
    sys.exit(int(connection.recv(16)))
"""


class CarelessSudo:
    """Listens and carries out, until it is closed.

    Args:
        directory: where the program is put; others can look into it.
        python: an interpreter that every user can run.
        dirt: variables that get to root beside those of the program.
    """

    def __init__(self, directory: Path, python: str, dirt: Dict[str, str]) -> None:
        directory.mkdir()
        self.directory = directory
        self.calls: List[Dict[str, Any]] = []
        self._dirt = dirt
        self._socket = socket.socket(socket.AF_UNIX)
        self._path = directory / "s"
        self._socket.bind(str(self._path))
        self._path.chmod(0o777)
        self._socket.listen()
        program = directory / "sudo"
        program.write_text(_PROGRAM.format(python=python, socket=str(self._path)))
        program.chmod(0o755)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Listen no more."""
        with socket.socket(socket.AF_UNIX) as last:
            last.connect(str(self._path))
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while True:
            connection, _ = self._socket.accept()
            with connection:
                size = socket.CMSG_SPACE(3 * 4)
                content, ancillary, _, _ = connection.recvmsg(1, size)
                if not content:
                    return
                files = array.array("i")
                files.frombytes(ancillary[0][2])
                with connection.makefile("rb") as stream:
                    said = json.loads(stream.read())
                self.calls.append(said)
                connection.sendall(str(self._carry_out(said, list(files))).encode())
                for each in files:
                    os.close(each)

    def _carry_out(self, said: Dict[str, Any], files: List[int]) -> int:
        words = said["words"]
        while words[0].startswith("-"):
            words = words[1:]
        return subprocess.call(
            words,
            cwd=said["folder"],
            env={**self._dirt, **said["environment"]},
            stdin=files[0],
            stdout=files[1],
            stderr=files[2],
        )
