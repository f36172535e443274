"""Spoiling an answer needs the TCP connection itself, which ASGI hides: a uvicorn protocol that remembers it."""

import asyncio
import socket
import struct

from uvicorn.protocols.http.h11_impl import H11Protocol

Address = tuple[str, int]


class Wires:
    """The open connections of one server, by the client's address."""

    def __init__(self) -> None:
        self._open: dict[Address, asyncio.Transport] = {}

    def protocol(self) -> type[H11Protocol]:
        """The protocol class to give to uvicorn."""
        wires = self._open

        class RememberedProtocol(H11Protocol):
            def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
                super().connection_made(transport)
                if self.client:
                    wires[self.client] = transport

            def connection_lost(self, exc: Exception | None) -> None:
                super().connection_lost(exc)
                if self.client:
                    wires.pop(self.client, None)

        return RememberedProtocol

    def close(self, client: Address) -> None:
        """Close without a word."""
        if client in self._open:
            self._open[client].abort()

    def hang_up(self, client: Address) -> None:
        """Close after what was written, whatever was promised."""
        if client in self._open:
            self._open[client].close()

    def reset(self, client: Address) -> None:
        """Close with a RST: the client's read fails with a reset connection."""
        if client not in self._open:
            return
        connection = self._open[client].get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._open[client].abort()
