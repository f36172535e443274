"""A pooler in front of PostgreSQL, as PgBouncer is: in transaction mode it deals servers out anew after each one.

Enough of the protocol for that: the start (with its password) goes through to a server of the client's own, which then
is everybody's; the client is told a process id of the pooler's making.
"""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.dialing.between import Between, Broken, message


class Pooler(Between):
    """Deals servers out by transaction, or one to each client."""

    def __init__(self, server_port: int, *, by_transaction: bool) -> None:
        self._by_transaction = by_transaction
        self._free: list[socket.socket] = []
        self._change = threading.Condition()
        super().__init__(server_port)

    def close(self) -> None:
        super().close()
        for server in self._free:
            server.close()

    def serve(self, client: socket.socket) -> None:
        own = self._start(client)
        if self._by_transaction:
            self._give(own)
        while True:
            first = message(client)  # only now is a server needed
            server = self._take() if self._by_transaction else own
            self._transaction(client, server, first)
            if self._by_transaction:
                self._give(server)

    def _start(self, client: socket.socket) -> socket.socket:
        server = self.begun(client)
        while True:
            kind, whole = message(server)
            client.sendall(whole[:5] + b"\x7f\x00\x00\x01" + whole[9:] if kind == b"K" else whole)
            if kind == b"Z":
                return server
            if kind == b"R" and whole[5:9] in (b"\0\0\0\x0a", b"\0\0\0\x0b"):  # SASL: the client's turn
                server.sendall(message(client)[1])

    def _transaction(self, client: socket.socket, server: socket.socket, first: tuple[bytes, bytes]) -> None:
        """Hand on until the server says that no transaction is open."""
        kind, whole = first
        while kind != b"X":
            server.sendall(whole)
            if kind in (b"S", b"Q") and self._answer(server, client) == b"I":
                return
            kind, whole = message(client)
        server.close()
        raise Broken

    def _answer(self, server: socket.socket, client: socket.socket) -> bytes:
        while True:
            kind, whole = message(server)
            client.sendall(whole)
            if kind == b"Z":
                return whole[-1:]

    def _take(self) -> socket.socket:
        with self._change:
            self._change.wait_for(lambda: bool(self._free), 10)
            return self._free.pop(0)

    def _give(self, server: socket.socket) -> None:
        with self._change:
            self._free.append(server)
            self._change.notify()


@contextmanager
def pooler(server_port: int, *, by_transaction: bool) -> Iterator[int]:
    """A pooler's port; servers are dealt out by transaction, or one to each client."""
    running = Pooler(server_port, by_transaction=by_transaction)
    try:
        yield running.port
    finally:
        running.close()
