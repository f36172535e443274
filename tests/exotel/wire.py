"""A far side made of raw sockets: each connection is handed to a short script that does exactly what the test names."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from types import TracebackType

SID = "55cd271a8e90cf3f3d9d85e06f56189g"

CONNECTED_XML = f"""<?xml version="1.0" encoding="UTF-8"?>
<TwilioResponse>
 <Call>
  <Sid>{SID}</Sid>
  <ParentCallSid/>
  <DateCreated>2024-09-16 15:50:02</DateCreated>
  <DateUpdated>2024-09-16 15:50:02</DateUpdated>
  <AccountSid>acct</AccountSid>
  <To>09800000001</To>
  <From>09800000001</From>
  <PhoneNumberSid>09510000000</PhoneNumberSid>
  <Status>in-progress</Status>
  <StartTime>2024-09-16 15:50:02</StartTime>
  <EndTime/>
  <Duration/>
  <Price/>
  <Direction>outbound-api</Direction>
  <AnsweredBy/>
  <ForwardedFrom/>
  <CallerName/>
  <Uri>/v1/Accounts/acct/Calls/{SID}</Uri>
  <RecordingUrl/>
 </Call>
</TwilioResponse>
""".encode()
CONNECTED_JSON = f'{{"Call":{{"Sid":"{SID}","Status":"in-progress","EndTime":null}}}}'.encode()
NDNC = (
    rb'{"RestException":{"Status":403,"Message":"Call to [09980000001] can not be made because of TRAI NDNC '
    rb'regulations. Read more about this here: http:\/\/support.exotel.in\/support\/solutions\/articles\/35421-x"}}'
)


def http(status: int, body: bytes = b"", *headers: str) -> bytes:
    """A whole HTTP/1.1 answer."""
    lines = [f"HTTP/1.1 {status} Said", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def refusal(status: int, message: str) -> bytes:
    """A RestException as captured, in JSON."""
    return f'{{"RestException":{{"Status":{status},"Message":"{message}"}}}}'.encode()


@dataclass
class Line:
    """One accepted connection: what came in, and the means to answer."""

    raw: socket.socket
    ended: threading.Event

    def read_request(self) -> bytes:
        """The whole request, head and body; what there is if the client goes away."""
        came = b""
        while b"\r\n\r\n" not in came:
            chunk = self.raw.recv(65536)
            if not chunk:
                return came
            came += chunk
        head, _, body = came.partition(b"\r\n\r\n")
        wanted = next((int(ln[15:]) for ln in head.split(b"\r\n") if ln.lower().startswith(b"content-length:")), 0)
        while len(body) < wanted and (chunk := self.raw.recv(65536)):
            body += chunk
        return head + b"\r\n\r\n" + body

    def say(self, data: bytes) -> None:
        """Send; a client that has gone away is none of the far side's business."""
        with suppress(OSError):
            self.raw.sendall(data)

    def drip(self, data: bytes, every: float) -> None:
        """Send one byte at a time until the client has gone or the test is over."""
        for index in range(len(data)):
            if self.ended.wait(every):
                return
            try:
                self.raw.sendall(data[index : index + 1])
            except OSError:
                return

    def hold(self, seconds: float) -> None:
        """Do nothing for a while, or until the test is over."""
        self.ended.wait(seconds)

    def reset(self) -> None:
        """Close with RST."""
        self.raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        self.raw.close()


Script = Callable[[Line], None]


@dataclass
class FarSide:
    """Listens on loopback and runs `script` for each connection, on a thread of its own."""

    script: Script
    tls: ssl.SSLContext | None = None
    backlog: int = 64
    accepting: bool = True
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0

    def __enter__(self) -> "FarSide":
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=self.backlog)
        self._ended = threading.Event()
        self._threads: list[threading.Thread] = []
        if self.accepting:
            self._spawn(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        with suppress(OSError):  # a listener that was never accepted from
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(5)

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    def _spawn(self, target: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._ended.is_set():
            try:
                raw, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._spawn(self._serve, raw)

    def _serve(self, raw: socket.socket) -> None:
        raw.settimeout(10)
        try:
            if self.tls is not None:
                raw = self.tls.wrap_socket(raw, server_side=True)
            self.script(Line(raw, self._ended))
        except OSError:
            pass  # the client hung up: that is what some tests want
        finally:
            raw.close()

    def answering(self, line: Line) -> bytes:
        """Read one request and keep it."""
        came = line.read_request()
        self.requests.append(came)
        return came


@contextmanager
def far_side(*answers: bytes, tls: ssl.SSLContext | None = None) -> Iterator[FarSide]:
    """A far side that gives the answers in turn, the last one again and again."""
    left = list(answers)

    def script(line: Line) -> None:
        side.answering(line)
        line.say(left.pop(0) if len(left) > 1 else left[0])

    side = FarSide(script, tls=tls)
    with side:
        yield side
