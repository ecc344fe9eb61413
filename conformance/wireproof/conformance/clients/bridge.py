"""The process that a client under test spawns as its server: moves bytes between its pipes and the judge.

`python -m wireproof.conformance.clients.bridge PORT`.
"""

from __future__ import annotations

import os
import socket
import sys
import threading

END = b"\x00 end of input\n"
"""The last line when stdin was closed; a process that is killed says nothing."""


def main(port: int) -> None:
    """Move bytes until either side ends."""
    judge = socket.create_connection(("127.0.0.1", port))

    def up() -> None:
        while data := os.read(0, 65536):
            judge.sendall(data)
        judge.sendall(END)
        judge.shutdown(socket.SHUT_WR)

    threading.Thread(target=up, daemon=True).start()
    while data := judge.recv(65536):
        os.write(1, data)


if __name__ == "__main__":
    main(int(sys.argv[1]))
