"""A recording's host on loopback that does what a test says, and keeps what it was asked."""

import io
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import soundfile

Serve = Callable[[BaseHTTPRequestHandler], None]


def sound(seconds: float = 0.5, *, channels: int = 2, kind: str = "WAV", rate: int = 8000) -> bytes:
    """A tone that is silent in its second half; the second channel is half as loud."""
    time = np.arange(int(seconds * rate)) / rate
    tone = 0.8 * np.sin(2 * np.pi * 300 * time) * (time < seconds / 2)
    file = io.BytesIO()
    both = np.stack([tone / (channel + 1) for channel in range(channels)], axis=1)
    soundfile.write(file, both, rate, format=kind)
    return file.getvalue()


WAV = sound()


@dataclass
class FarEnd:
    """`serve` decides what is answered; `paths`, `keys` and `hosts` are what came."""

    serve: Serve
    port: int = 0
    paths: list[str] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    hosts: list[str] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def whole(body: bytes, status: int = 200, **headers: str) -> Serve:
    """An answer with its length."""

    def serve(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return serve


def raw(data: bytes, *, then: Callable[[socket.socket], None] = lambda _: None) -> Serve:
    """Bytes as they are, and then whatever is done to the connection."""

    def serve(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(data)
        handler.wfile.flush()
        then(handler.connection)
        handler.close_connection = True

    return serve


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@contextmanager
def far_end(serve: Serve) -> Iterator[FarEnd]:
    end = FarEnd(serve)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            end.paths.append(self.path)
            end.keys.append(self.headers["Authorization"])
            end.hosts.append(self.headers["Host"])
            try:
                end.serve(self)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.block_on_close = False
    end.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield end
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
