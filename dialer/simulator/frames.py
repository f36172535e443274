"""The media stream's text frames, byte for byte (fact sheet, section 4): compact JSON and a newline."""

import base64
import json
import math
import struct
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from dialer.simulator.calls import Call

RATES = (8000, 16000, 24000)
LARGEST_CHUNK = 100_000
STOP_REASON = "canceled or call ended"


@dataclass(frozen=True)
class Cadence:
    """How media is cut: one frame each `wall` seconds, carrying `size` bytes, worth `carrier_ms` of the call."""

    wall: float
    carrier_ms: float
    size: int


def cadence(rate: int, frame_ms: int, speed: float) -> Cadence:
    """At speed 1 one frame of `frame_ms`; above it fewer and larger frames, never under 20 ms of wall time.

    The call runs `speed` times faster than the wall, so a frame holds more audio. It is a multiple of 320 bytes
    and at most 100,000 bytes; where even that would ask for more than 50 frames a second, audio is left out
    and the timestamps tell.
    """
    block_ms = 20  # a multiple of 320 bytes at each of the rates
    wall_ms = max(float(frame_ms), 5.0 * speed) if speed > 1 else frame_ms / speed
    largest_ms = LARGEST_CHUNK * 1000 // (rate * 2) // block_ms * block_ms
    audio_ms = max(block_ms, min(round(wall_ms * speed / block_ms) * block_ms, largest_ms))
    wall_ms = max(20.0, audio_ms / speed)
    return Cadence(wall_ms / 1000, wall_ms * speed, audio_ms * rate * 2 // 1000)


@cache
def silence(size: int) -> str:
    """Base64 of that many bytes of silence."""
    return base64.b64encode(bytes(size)).decode()


@cache
def voice(size: int, rate: int) -> str:
    """Base64 of a 400 Hz tone, whose periods fit each 20 ms, so that frames join without a click."""
    samples = [round(8000 * math.sin(2 * math.pi * 400 * place / rate)) for place in range(size // 2)]
    return base64.b64encode(struct.pack(f"<{len(samples)}h", *samples)).decode()


def split_stream_url(url: str) -> tuple[str, dict[str, str]]:
    """The handshake URL without its query, and the query as custom parameters."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(query="", fragment="")), dict(parse_qsl(parts.query, keep_blank_values=True))


def sample_rate(parameters: dict[str, str]) -> int:
    """8000 unless the query asks for another rate that Exotel knows."""
    asked = parameters.get("sample-rate", "")
    return int(asked) if asked.isdecimal() and int(asked) in RATES else RATES[0]


class Frames:
    """Shapes one stream's frames and counts its sequence numbers, chunks and timestamps."""

    def __init__(self, call: Call, account: str, stream_sid: str, leg_sid: str) -> None:
        self._call, self._account = call, account
        self._stream, self._leg = stream_sid, leg_sid
        self._sequence = 0
        self._chunk = 0

    def connected(self) -> str:
        return _line({"event": "connected"})

    def start(self, parameters: dict[str, str], rate: int) -> str:
        start: dict[str, Any] = {
            "stream_sid": self._stream,
            "call_sid": self._call.sid,
            "leg_sid": self._leg,
            "account_sid": self._account,
            "from": self._call.order.customer,
            "to": self._call.order.exophone,
        }
        if parameters:
            start["custom_parameters"] = parameters
        start["media_format"] = {"encoding": "base64", "sample_rate": str(rate), "bit_rate": "128kbps"}
        return self._numbered("start", start)

    def media(self, payload: str, timestamp_ms: float) -> str:
        """Not through json.dumps: at high speed most of the work would be scanning base64."""
        self._sequence += 1
        self._chunk += 1
        return (
            f'{{"event":"media","stream_sid":"{self._stream}","sequence_number":"{self._sequence}",'
            f'"media":{{"chunk":"{self._chunk}","timestamp":"{round(timestamp_ms)}","payload":"{payload}"}}}}\n'
        )

    def dtmf(self, digit: str) -> str:
        return self._numbered("dtmf", {"duration": "200", "digit": digit})

    def mark(self, name: str) -> str:
        """The echo of a mark; it carries no sequence number."""
        return _line({"event": "mark", "stream_sid": self._stream, "mark": {"name": name}})

    def stop(self) -> str:
        stop = {"call_sid": self._call.sid, "leg_sid": self._leg, "account_sid": self._account}
        return self._numbered("stop", stop | {"reason": STOP_REASON})

    def _numbered(self, event: str, body: dict[str, Any]) -> str:
        self._sequence += 1
        head = {"event": event, "stream_sid": self._stream, "sequence_number": str(self._sequence)}
        return _line(head | {event: body})


def _line(message: dict[str, Any]) -> str:
    return json.dumps(message, separators=(",", ":")) + "\n"
