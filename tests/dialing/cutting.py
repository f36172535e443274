"""A cable to PostgreSQL that breaks at the worst moment: the commit has happened, and nobody hears of it."""

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest
from django.db import connection, connections

from tests.dialing.pooler import REFUSED, Broken, exactly, message

COMMITTED = b"COMMIT\0"


class Cable:
    """Hands everything on. After `cut_at(nth)` the nth commit from then on is acknowledged to nobody, and so on."""

    def __init__(self, server_port: int) -> None:
        self.cuts = 0
        self._server_port = server_port
        self._every: Callable[[int], bool] = lambda _: False
        self._commits = 0
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def cut_when(self, chosen: Callable[[int], bool]) -> None:
        """Cut at each commit whose number, from 1, is `chosen`."""
        with self._lock:
            self._every, self._commits = chosen, 0

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with suppress(Broken, OSError), client, self._begun(client) as server:
            threading.Thread(target=_hand_on, args=(client, server), daemon=True).start()
            try:
                while True:
                    kind, whole = message(server)
                    if kind == b"C" and whole.endswith(COMMITTED) and self._is_cut():
                        return
                    client.sendall(whole)
            finally:
                _end(client)  # closing alone does not wake the thread that reads
                _end(server)

    def _begun(self, client: socket.socket) -> socket.socket:
        """A connection to the server which has the client's first words."""
        head = exactly(client, 8)
        while struct.unpack(">I", head[4:])[0] in REFUSED:
            client.sendall(b"N")
            head = exactly(client, 8)
        server = socket.create_connection(("127.0.0.1", self._server_port))
        for line in (client, server):  # pieces are small: none waits for the next
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        server.sendall(head + exactly(client, struct.unpack(">I", head[:4])[0] - 8))
        return server

    def _is_cut(self) -> bool:
        with self._lock:
            self._commits += 1
            cut = self._every(self._commits)
            self.cuts += cut
        return cut


def _hand_on(client: socket.socket, server: socket.socket) -> None:
    with suppress(OSError):
        while piece := client.recv(65536):
            server.sendall(piece)
    _end(server)


def _end(line: socket.socket) -> None:
    with suppress(OSError):
        line.shutdown(socket.SHUT_RDWR)


@contextmanager
def behind_a_cable(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cable]:
    """Threads of this block reach the database by the cable; the test's own connection is another."""
    cable = Cable(int(connection.settings_dict["PORT"]))
    with monkeypatch.context() as patched:
        patched.setitem(connections.settings, "default", connection.settings_dict | {"PORT": str(cable.port)})
        try:
            yield cable
        finally:
            cable.close()
