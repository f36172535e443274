"""A cable to PostgreSQL that breaks at the worst moment: the commit has happened, and nobody hears of it."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest
from django.db import connection, connections

from tests.dialing.between import Between, message

COMMITTED = b"COMMIT\0"


class Cable(Between):
    """Hands everything on. What `cut_when` chooses is acknowledged to nobody."""

    def __init__(self, server_port: int) -> None:
        self.cuts = 0
        self._every: Callable[[int], bool] = lambda _: False
        self._commits = 0
        self._lock = threading.Lock()
        super().__init__(server_port)

    def cut_when(self, chosen: Callable[[int], bool]) -> None:
        """Cut at each commit whose number, from 1, is `chosen`."""
        with self._lock:
            self._every, self._commits = chosen, 0

    def serve(self, client: socket.socket) -> None:
        with self.begun(client) as server:
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
