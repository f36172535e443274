"""A pooler in front of PostgreSQL, as PgBouncer is: in transaction mode it deals servers out anew after each one.

Enough of the protocol for that: the start (with its password) goes through to a server of the client's own, which then
is everybody's; the client is told a process id of the pooler's making.
"""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

REFUSED = {80877103: "TLS", 80877104: "GSS"}  # what a client asks for before it starts


class Broken(Exception):
    """The far end has gone."""


def exactly(line: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size:
        piece = line.recv(size - len(found))
        if not piece:
            raise Broken
        found += piece
    return found


def message(line: socket.socket) -> tuple[bytes, bytes]:
    """A typed message: its letter, and all of its bytes."""
    head = exactly(line, 5)
    return head[:1], head + exactly(line, struct.unpack(">I", head[1:])[0] - 4)


class Pooler:
    """Listens on `port` for as long as it is open."""

    def __init__(self, server_port: int, *, by_transaction: bool) -> None:
        self._server_port, self._by_transaction = server_port, by_transaction
        self._free: list[socket.socket] = []
        self._change = threading.Condition()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for server in self._free:
            server.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with suppress(Broken, OSError), client:
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
        head = exactly(client, 8)
        while struct.unpack(">I", head[4:])[0] in REFUSED:
            client.sendall(b"N")
            head = exactly(client, 8)
        server = socket.create_connection(("127.0.0.1", self._server_port))
        server.sendall(head + exactly(client, struct.unpack(">I", head[:4])[0] - 8))
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
