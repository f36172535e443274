"""One HTTP request on a thread of its own, so that a deadline holds whatever the far side does.

httpx's timeouts are per read: an answer that drips a byte a second never times out (38 s past a 2 s timeout,
measured), and a name that does not resolve cannot be timed out at all. So the request runs on its own thread, and the
one who waits for it may

* withhold it: from then on the first byte cannot leave, and nothing was sent;
* leave it: stop waiting; what it comes to later is handed to a callback;
* cut it: shut the connection down, which ends the thread's read at once.

The gate is httpx's trace hook: `http11.send_request_headers.started` is the last moment before the first byte. The
hook and `withhold` take the same lock, so "nothing was sent" is exact. What remains is a freeze of the whole process
between the hook and the system call that follows it.
"""

import socket
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

import httpx

BODY_BYTES = 256 * 1024
STOOD_TOO_LATE = "the connection stood too late, nothing was sent"

FAIR_CHANCE = 0.1  # seconds: a far side that had less than this to take the connection is not to blame
_OPENING = "connection.connect_tcp.started"
_OPENED = "connection.connect_tcp.complete"
_FIRST_BYTE = "http11.send_request_headers.started"
_LEFT = "http11.send_request_headers.complete"


class Gate:
    """Asked by a request that is ready to leave. This one lets everybody leave at once."""

    def opens(self) -> float:
        """The time.monotonic() at which it may leave; who has waited until then asks again."""
        return 0.0

    def left(self) -> None:
        """Its first bytes have left, just now."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer; header names in lower case, `latency` in seconds from the first byte out."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    latency: float


@dataclass(frozen=True, slots=True)
class NoReply:
    """No whole answer. `sent` is False only if not one byte of the request left; `ours`, because we came too late."""

    reason: str
    sent: bool
    status: int | None = None
    body: bytes = b""
    ours: bool = False


class _Withheld(Exception):
    """Raised in the trace hook: the first byte must not leave any more."""


class _TooLong(Exception):
    """The body is larger than any answer of Exotel's."""


class Exchange:
    """One request, sent at most once, not before `not_before` and not after `not_after` (of time.monotonic)."""

    def __init__(
        self,
        client: httpx.Client,
        request: httpx.Request,
        *,
        not_before: float = 0.0,
        not_after: float = float("inf"),
        gate: Gate | None = None,
        on_end: Callable[[], None] = lambda: None,
    ) -> None:
        self._client = client
        self._request = request
        self._not_before = not_before
        self._not_after = not_after
        self._gate = gate or Gate()
        self._on_end = on_end
        self._change = threading.Condition()
        self._result: Reply | NoReply | None = None
        self._on_late: Callable[[Reply | NoReply], None] | None = None
        self._cutter: threading.Timer | None = None
        self._connection: socket.socket | None = None
        self._withheld = False
        self._opening_at: float | None = None
        self._stands = False
        self._sent_at: float | None = None
        self._status: int | None = None
        self._body = bytearray()

    def start(self) -> "Exchange":
        """Begin; returns itself."""
        self._request.extensions["trace"] = self._trace
        threading.Thread(target=self._run, name="exotel-exchange", daemon=True).start()
        return self

    def wait(self, until: float) -> Reply | NoReply | None:
        """The result, or None if there is none by `until` (of time.monotonic)."""
        with self._change:
            self._change.wait_for(lambda: self._result is not None, max(0.0, until - time.monotonic()))
            return self._result

    def withhold(self) -> bool:
        """Forbid the first byte. True: nothing was sent and nothing will be. False: it had left."""
        with self._change:
            if self._sent_at is not None or self._result is not None:
                return False
            self._withheld = True
            self._change.notify_all()
        self.cut()
        return True

    def too_late(self) -> bool:
        """Whether it is this program's doing that the time to send passes without the first byte: the connection
        stands, or the far side never had a fair chance to take it, because our threads got no time to run."""
        now = time.monotonic()
        if self._stands or self._opening_at is None:
            return True
        return now > self._not_after + FAIR_CHANCE or min(now, self._not_after) - self._opening_at < FAIR_CHANCE

    def leave(self, on_late: Callable[[Reply | NoReply], None], *, until: float) -> Reply | NoReply | None:
        """Stop waiting: cut it at `until`, and call `on_late` on the exchange's thread when it ends.

        Returns the result instead, and calls nothing, if it has come in the meantime.
        """
        with self._change:
            if self._result is None:
                self._on_late = on_late
                self._cutter = threading.Timer(max(0.0, until - time.monotonic()), self.cut)
                self._cutter.daemon = True
                self._cutter.start()
            return self._result

    def cut(self) -> None:
        """Shut the connection down; a read in progress ends at once."""
        with self._change:
            if self._connection is not None:
                with suppress(OSError):  # already closed by the far side
                    self._connection.shutdown(socket.SHUT_RDWR)

    def _run(self) -> None:
        # What escapes `_talk` is a bug and is shown by the thread's excepthook; the answer is honest all the same.
        result: Reply | NoReply | None = None
        try:
            result = self._talk()
        finally:
            self._settle(result or self._no_reply("the exchange broke off inside this program"))

    def _settle(self, result: Reply | NoReply) -> None:
        with self._change:
            self._result = result
            if self._connection is not None:
                self._connection.close()
                self._connection = None
            if self._cutter is not None:
                self._cutter.cancel()
            self._change.notify_all()
        self._on_end()
        if self._on_late is not None:
            self._on_late(result)

    def _talk(self) -> Reply | NoReply:
        try:
            return self._exchange()
        except _Withheld:
            return replace(self._no_reply(STOOD_TOO_LATE), ours=True)
        except _TooLong:
            return self._no_reply(f"the answer was larger than {BODY_BYTES // 1024} KiB")
        except httpx.ConnectTimeout as error:
            return replace(self._no_reply(words(error)), ours=self.too_late())
        except (httpx.HTTPError, httpx.StreamError, OSError, zlib.error, UnicodeError) as error:
            return self._no_reply(words(error))

    def _exchange(self) -> Reply:
        response = self._client.send(self._request, stream=True)
        try:
            self._status = response.status_code
            for chunk in response.iter_raw():
                self._body += chunk
                if len(self._body) > BODY_BYTES:
                    raise _TooLong
        finally:
            response.close()
        headers = {name.lower(): value for name, value in response.headers.items()}
        body = _unpacked(bytes(self._body), headers.get("content-encoding", ""))
        return Reply(response.status_code, headers, body, time.monotonic() - (self._sent_at or 0.0))

    def _trace(self, event: str, info: Mapping[str, object]) -> None:
        if event == _OPENING:
            self._opening_at = time.monotonic()
        elif event == _OPENED:
            self._keep_connection(info["return_value"])
        elif event == _FIRST_BYTE:
            self._open_gate()
        elif event == _LEFT:
            self._gate.left()

    def _keep_connection(self, stream: object) -> None:
        # A duplicate, because start_tls detaches the original from its socket object.
        original = stream.get_extra_info("socket")  # type: ignore[attr-defined]
        with self._change:
            self._connection = original.dup()
            withheld = self._withheld
        if withheld:
            self.cut()

    def _open_gate(self) -> None:
        with self._change:
            self._stands = True
            self._change.wait_for(lambda: self._withheld, self._not_before - time.monotonic())
            while not self._withheld and (early := self._gate.opens() - time.monotonic()) > 0:
                self._change.wait_for(lambda: self._withheld, early)
            now = time.monotonic()
            if self._withheld or now > self._not_after:
                raise _Withheld
            self._sent_at = now

    def _no_reply(self, reason: str) -> NoReply:
        return NoReply(reason, self._sent_at is not None, self._status, bytes(self._body[:BODY_BYTES]))


def _unpacked(body: bytes, encoding: str) -> bytes:
    """We ask for no compression; a proxy that compresses all the same is read, up to the same size."""
    if encoding.strip().lower() not in {"gzip", "x-gzip", "deflate"}:  # RFC 9110, 8.4.1: no letter case, old names
        return body
    inflater = zlib.decompressobj(zlib.MAX_WBITS | 32)
    unpacked = inflater.decompress(body, BODY_BYTES)
    if inflater.unconsumed_tail:
        raise _TooLong
    return unpacked


def words(error: BaseException) -> str:
    """Why a request failed, in words; never the address or the headers of the request."""
    causes = list(_causes(error))
    for kind, reason in _REASONS:
        if any(isinstance(cause, kind) for cause in causes):
            return reason
    return "the request could not be made"


def _causes(error: BaseException) -> list[BaseException]:
    chain: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in chain:
        chain.append(current)
        current = current.__cause__ or current.__context__
    return chain


_REASONS: tuple[tuple[type[BaseException], str], ...] = (
    (socket.gaierror, "the host name could not be resolved"),
    (UnicodeError, "the host name could not be resolved"),
    (ssl.SSLCertVerificationError, "the certificate of the far side was not trusted (TLS)"),
    (ssl.SSLError, "no secure connection (TLS) could be made or kept"),
    (httpx.ConnectTimeout, "timed out while connecting"),
    (ConnectionRefusedError, "the connection was refused"),
    (httpx.ConnectError, "no connection could be made"),
    (httpx.ReadTimeout, "no answer came in time"),
    (httpx.WriteTimeout, "the request could not be written in time"),
    (httpx.ReadError, "the connection broke while the answer was awaited"),
    (httpx.WriteError, "the connection broke while the request was written"),
    (httpx.RemoteProtocolError, "the answer broke off or was not HTTP"),
    (httpx.DecodingError, "the answer could not be unpacked"),
    (zlib.error, "the answer could not be unpacked"),
)
