"""One recording streamed to a file and verified: a sound file, whole, within limits of size and time.

httpx's timeouts are per read, so an answer that drips a byte now and then would never end: a timer shuts the
connection down when the time is up. The connection goes to the one IP address that was judged, while Host, SNI and
certificate stay those of the name (httpx: extensions.sni_hostname).
"""

import contextlib
import hashlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import IO

import httpx

from campaigns.exotel.exchange import words
from campaigns.recordings.addresses import NotAllowed, Resolve, Target, pin

MOST_BYTES = 200 * 1024 * 1024
MOST_SECONDS = 300.0
READ_SECONDS = 20.0
CHUNK = 64 * 1024
HEAD = 12  # bytes that tell what kind of file it is
_NOT_KNOWN_YET = 0x7FFFFFFF  # the size in a WAV's header from which on it means that nobody knew it


class Failure(Exception):
    """No recording came of it. The words say why.

    `denied`: this address is of no use any more, Exotel may give a fresh one. `bad`: what came may not be kept.
    `final`: trying again cannot help.
    """

    def __init__(self, why: str, *, denied: bool = False, bad: bool = False, final: bool = False) -> None:
        super().__init__(why)
        self.denied, self.bad, self.final = denied, bad, final


@dataclass(frozen=True, slots=True)
class Sound:
    """What was written: its size in bytes, its digest, and its type by its own first bytes."""

    size: int
    sha256: str
    content_type: str


@dataclass(frozen=True, slots=True)
class Limits:
    """What one download may take: bytes, seconds in all, and whether this program is about to stop."""

    size: int = MOST_BYTES
    seconds: float = MOST_SECONDS
    stopping: Callable[[], bool] = lambda: False


def download(
    target: Target,
    key: tuple[str, str],
    into: IO[bytes],
    *,
    limits: Limits | None = None,
    resolve: Resolve = socket.getaddrinfo,
    tls: ssl.SSLContext | None = None,
) -> Sound:
    """Fetch `target` into an empty file. `key` (API key and token) goes along only if the target says so.

    Raises Failure; what is in the file then is of no use.
    """
    try:
        number = pin(target, resolve)
    except NotAllowed as refusal:
        raise Failure(str(refusal)) from None
    return fetch_from(number, target, key, into, limits=limits or Limits(), tls=tls)


def fetch_from(
    number: str,
    target: Target,
    key: tuple[str, str],
    into: IO[bytes],
    *,
    limits: Limits,
    tls: ssl.SSLContext | None = None,
) -> Sound:
    """Fetch from an IP address that was judged. Raises Failure."""
    line = _Line(limits.seconds)
    try:
        with line, _client(tls) as client:
            auth = httpx.BasicAuth(*key) if target.credentials else None
            with contextlib.closing(client.send(_request(number, target, line), auth=auth, stream=True)) as response:
                _check_answer(response)
                return _write(response, into, limits)
    except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL, OSError, UnicodeError) as trouble:
        if line.cut:
            raise Failure(f"it took longer than {limits.seconds:g} seconds") from None
        raise Failure(words(trouble)) from None


def _client(tls: ssl.SSLContext | None) -> httpx.Client:
    return httpx.Client(trust_env=False, follow_redirects=False, verify=tls or _trust())


@lru_cache(maxsize=1)
def _trust() -> ssl.SSLContext:
    return httpx.create_ssl_context(trust_env=False)


def _request(number: str, target: Target, line: "_Line") -> httpx.Request:
    given = httpx.URL(target.address)
    return httpx.Request(
        "GET",
        given.copy_with(host=number),
        headers={"Host": given.netloc.decode("ascii"), "Accept-Encoding": "identity", "User-Agent": "dialer"},
        extensions={"sni_hostname": target.host, "trace": line.watch, "timeout": httpx.Timeout(READ_SECONDS).as_dict()},
    )


def _check_answer(response: httpx.Response) -> None:
    status = response.status_code
    if status in _ANSWERS:
        raise Failure(f"{_ANSWERS[status]} ({status})", denied=status in _DENIED)
    if 300 <= status < 400:
        raise Failure(f"it answered with a redirect ({status}), which is not followed", denied=True)
    if status != 200:
        raise Failure(f"it answered {status}")
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        raise Failure("it came packed in a way that was not asked for")


def _told(response: httpx.Response) -> int | None:
    """The length in the header; None if the body ends with its last chunk, or with the connection."""
    told = response.headers.get("content-length", "")
    return int(told) if told.isdecimal() else None


def _chunked(response: httpx.Response) -> bool:
    return str(response.headers.get("transfer-encoding", "")).lower() == "chunked"


def _write(response: httpx.Response, into: IO[bytes], limits: Limits) -> Sound:
    told = _told(response)
    if told is not None and told > limits.size:
        raise _too_large(limits)
    digest, size, kind = hashlib.sha256(), 0, ""
    for chunk in _chunks(response):
        if not kind:
            kind = _kind(chunk)
            told = _told_by_wav(chunk) if told is None and not _chunked(response) else told
        size += len(chunk)
        if size > limits.size:
            raise _too_large(limits)
        if limits.stopping():
            raise Failure("Dialer was stopped meanwhile")
        digest.update(chunk)
        try:
            into.write(chunk)
        except OSError as trouble:
            raise Failure(f"it could not be written down: {trouble.strerror}") from None
    if told is not None and size < told:
        raise Failure(f"it broke off: {size} of {told} bytes came")
    if not size:
        raise Failure("it was empty")
    return Sound(size, digest.hexdigest(), kind)


def _chunks(response: httpx.Response) -> Iterator[bytes]:
    """The body; the first piece has at least HEAD bytes if the body has."""
    first = b""
    for chunk in response.iter_raw(CHUNK):
        if len(first) >= HEAD:
            yield chunk
            continue
        first += chunk
        if len(first) >= HEAD:
            yield first
    if 0 < len(first) < HEAD:
        yield first


def _kind(head: bytes) -> str:
    """audio/wav or audio/mpeg by its first bytes. Raises Failure for anything else."""
    if head.startswith(b"RIFF") and head[8:12] == b"WAVE":
        return "audio/wav"
    if head.startswith(b"ID3") or _is_frame(head):
        return "audio/mpeg"
    if head.lstrip().lower().startswith((b"<!doctype", b"<html", b"<?xml", b"<twilio", b"{")):
        raise Failure("a page came instead of a recording", bad=True, denied=True)
    raise Failure("what came is neither MP3 nor WAV", bad=True, denied=True)


def _told_by_wav(head: bytes) -> int | None:
    """The length by a WAV's own header, for an answer that ends with its connection: it could end early unnoticed.

    None for an MP3, which does not know its length, and for a WAV written before its length was known.
    """
    size = int.from_bytes(head[4:8], "little")
    return size + 8 if head.startswith(b"RIFF") and 0 < size < _NOT_KNOWN_YET else None


def _is_frame(head: bytes) -> bool:
    """Whether an MPEG audio frame header stands here: sync, and no reserved version, layer, bit rate or sample rate."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return False
    version, layer, bit_rate, sample_rate = head[1] >> 3 & 3, head[1] >> 1 & 3, head[2] >> 4, head[2] >> 2 & 3
    return version != 1 and layer != 0 and bit_rate != 15 and sample_rate != 3


def _too_large(limits: Limits) -> Failure:
    return Failure(f"it is larger than {limits.size // 1024**2} MiB", bad=True, final=True)


class _Line:
    """The connection under a download, shut down when its time is up."""

    def __init__(self, seconds: float) -> None:
        self.cut = False
        self._change = threading.Lock()
        self._connection: socket.socket | None = None
        self._timer = threading.Timer(seconds, self._shut)
        self._timer.daemon = True

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        with self._change:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def watch(self, event: str, info: Mapping[str, object]) -> None:
        """httpx's trace hook: keep a duplicate, because start_tls detaches the original from its socket object."""
        if event != "connection.connect_tcp.complete":
            return
        original = info["return_value"].get_extra_info("socket")  # type: ignore[attr-defined]
        with self._change:
            self._connection = original.dup()
        if self.cut:
            self._shut()

    def _shut(self) -> None:
        with self._change:
            self.cut = True
            if self._connection is not None:
                with contextlib.suppress(OSError):  # already closed by the far side
                    self._connection.shutdown(socket.SHUT_RDWR)


_ANSWERS: Mapping[int, str] = {
    401: "the recording’s host does not accept the API key",
    403: "the recording may not be read yet, or its address has expired",
    404: "the recording is not ready yet",
    410: "the recording’s address has expired",
    429: "the recording’s host asks to wait",
}
_DENIED = frozenset({401, 403, 410})
