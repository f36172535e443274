"""The media stream's text frames, byte for byte (fact sheet, section 4): compact JSON and a newline."""

import base64
import json
import math
import struct
from dataclasses import dataclass
from functools import cache
from typing import Any

from dialer.simulator.calls import Call
from dialer.simulator.identity import international

RATES = (8000, 16000, 24000)
LARGEST_CHUNK = 100_000
LINE = 76  # characters of base64 in a line of MIME
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


def sample_rate(parameters: dict[str, str]) -> int:
    """8000 unless the query asks for another rate that Exotel knows."""
    asked = parameters.get("sample-rate", "")
    return int(asked) if asked.isdecimal() and int(asked) in RATES else RATES[0]


class Frames:
    """Shapes one stream's frames and counts its sequence numbers, chunks and timestamps."""

    def __init__(
        self,
        call: Call,
        account: str,
        stream_sid: str,
        leg_sid: str,
        *,
        guide: bool = False,
        integers: bool = False,
        unusual: bool = False,
    ) -> None:
        """`guide`: the vendor's guide instead of the captures; `integers`: numbers are not strings; `unusual`: what
        neither says and nothing forbids: parameters packed into JSON, `digits`, base64 cut into lines."""
        self._call, self._account = call, account
        self._stream, self._leg = stream_sid, leg_sid
        self._guide, self._integers, self._unusual = guide, integers, unusual
        self._sequence = 0
        self._chunk = 0

    def connected(self) -> str:
        return _line({"event": "connected"})

    def start(self, parameters: dict[str, str], rate: int) -> str:
        customer, exophone = self._call.order.customer, self._call.order.exophone
        start: dict[str, Any] = {
            "stream_sid": self._stream,
            **self._whose(),
            "from": international(customer) if self._guide else customer,
            "to": international(exophone) if self._guide else exophone,
        }
        if parameters:
            start["custom_parameters"] = json.dumps(parameters) if self._unusual else parameters
        encoding, bits = ("audio/x-raw", "16") if self._guide else ("base64", "128kbps")
        start["media_format"] = {"encoding": encoding, "sample_rate": self._number(rate), "bit_rate": bits}
        return self._numbered("start", start)

    def media(self, payload: str, timestamp_ms: float) -> str:
        """Not through json.dumps: at high speed most of the work would be scanning base64."""
        self._sequence += 1
        self._chunk += 1
        q = "" if self._integers else '"'
        if self._unusual:
            payload = "".join(f"{payload[place : place + LINE]}\\n" for place in range(0, len(payload), LINE))
        return (
            f'{{"event":"media","stream_sid":"{self._stream}","sequence_number":{q}{self._sequence}{q},'
            f'"media":{{"chunk":{q}{self._chunk}{q},"timestamp":{q}{round(timestamp_ms)}{q},"payload":"{payload}"}}}}\n'
        )

    def dtmf(self, digit: str) -> str:
        key = "digits" if self._unusual else "digit"
        return self._numbered("dtmf", {"duration": self._number(100 if self._guide else 200), key: digit})

    def mark(self, name: str) -> str:
        """The echo of a mark; on the wire it carries no sequence number."""
        if self._guide:
            return self._numbered("mark", {"name": name})
        return _line({"event": "mark", "stream_sid": self._stream, "mark": {"name": name}})

    def stop(self, *, call_ended: bool = True) -> str:
        """The end; only the guide tells an applet's end from the call's."""
        reason = ("callended" if call_ended else "stopped") if self._guide else STOP_REASON
        return self._numbered("stop", self._whose() | {"reason": reason})

    def _whose(self) -> dict[str, str]:
        leg = {} if self._guide else {"leg_sid": self._leg}
        return {"call_sid": self._call.sid, **leg, "account_sid": self._account}

    def _number(self, value: int) -> int | str:
        return value if self._integers else str(value)

    def _numbered(self, event: str, body: dict[str, Any]) -> str:
        self._sequence += 1
        head = {"event": event, "stream_sid": self._stream, "sequence_number": self._number(self._sequence)}
        return _line(head | {event: body})


def _line(message: dict[str, Any]) -> str:
    return json.dumps(message, separators=(",", ":")) + "\n"
