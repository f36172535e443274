"""Who stands between a client and PostgreSQL: a listener, and as much of the protocol as the start of a session."""

import socket
import struct
import threading
from contextlib import suppress

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


class Between:
    """Listens on `port` for as long as it is open; each client is served on a thread of its own."""

    def __init__(self, server_port: int) -> None:
        self._server_port = server_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def serve(self, client: socket.socket) -> None:
        """One client, until it ends; whoever breaks off ends it."""
        raise NotImplementedError

    def begun(self, client: socket.socket) -> socket.socket:
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

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with suppress(Broken, OSError), client:
            self.serve(client)
