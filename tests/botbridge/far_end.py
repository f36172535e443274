"""Exotel's end of a stream in memory, driven by the same pretend clock: takes our frames, plays them, answers."""

from __future__ import annotations

import base64
import json
from collections import deque
from typing import Any

from botbridge.protocol import Close, Command, encode
from botbridge.session import Session

CAPTURED_START = {
    "stream_sid": "f37f0d4d5e1be0ae8dd5c9ae4b4f19bk",
    "call_sid": "3a2f6cbb4ffc9dee76ae06bb8bb119bk",
    "leg_sid": "3Cvk0000000000000000Ox00000",
    "account_sid": "acct",
    "from": "09812345678",
    "to": "08047491899",
    "media_format": {"encoding": "base64", "sample_rate": "8000", "bit_rate": "128kbps"},
}


def start_frame(rate: int = 8000, **more: Any) -> str:
    """The start line as captured from a real call, with the compact JSON and the newline."""
    start = CAPTURED_START | {"media_format": {"encoding": "base64", "sample_rate": str(rate)}} | more
    return line({"event": "start", "stream_sid": start["stream_sid"], "sequence_number": "1", "start": start})


def media_frame(pcm: bytes, sequence: int = 2) -> str:
    """One frame of what the person says."""
    media = {"chunk": "1", "timestamp": "20", "payload": base64.b64encode(pcm).decode()}
    return line({"event": "media", "stream_sid": "S", "sequence_number": str(sequence), "media": media})


def dtmf_frame(digit: str) -> str:
    dtmf = {"duration": "200", "digit": digit}
    return line({"event": "dtmf", "stream_sid": "S", "sequence_number": "7", "dtmf": dtmf})


def mark_frame(name: str) -> str:
    return line({"event": "mark", "stream_sid": "S", "mark": {"name": name}})


def stop_frame() -> str:
    return line({"event": "stop", "stream_sid": "S", "stop": {"reason": "canceled or call ended"}})


def line(message: dict[str, Any]) -> str:
    return json.dumps(message, separators=(",", ":")) + "\n"


class FarEnd:
    """Buffers what it is sent, plays it in real time, and returns each mark when its audio has been played."""

    def __init__(self, session: Session, *, rate: int = 8000, returns_marks: bool = True) -> None:
        self.session = session
        self.now = 100.0
        self.rate = rate
        self.returns_marks = returns_marks
        self.received: list[dict[str, Any]] = []
        self.sizes: list[int] = []
        self.closed: Close | None = None
        self.closed_at = 0.0
        self.most_ahead = 0.0
        self.played_until = self.now
        self._marks: deque[tuple[float, str]] = deque()

    def start(self, **more: Any) -> None:
        self.session.receive('{"event":"connected"}\n', self.now)
        self.session.receive(start_frame(self.rate, **more), self.now)

    def run(self, seconds: float, step: float = 0.02) -> None:
        """Let time pass; both ends act when they have to. The person is silent, but the line sends audio."""
        until = self.now + seconds
        while self.now < until and not self.closed:
            self.session.receive(media_frame(bytes(320)), self.now)
            self._return_marks()
            self.carry_out(self.session.poll(self.now))
            self.now += step

    def carry_out(self, commands: list[Command]) -> None:
        for command in commands:
            if isinstance(command, Close):
                self.closed, self.closed_at = command, self.now
            else:
                self._hear(json.loads(encode(command)))

    def _hear(self, message: dict[str, Any]) -> None:
        self.received.append(message)
        if message["event"] == "media":
            size = len(base64.b64decode(message["media"]["payload"]))
            self.sizes.append(size)
            self.played_until = max(self.played_until, self.now) + size / 2 / self.rate
            self.most_ahead = max(self.most_ahead, self.played_until - self.now)
        elif message["event"] == "mark":
            self._marks.append((max(self.played_until, self.now), message["mark"]["name"]))
        elif message["event"] == "clear":
            self.played_until = self.now
            self._marks = deque((self.now, name) for _, name in self._marks)

    def _return_marks(self) -> None:
        while self.returns_marks and self._marks and self._marks[0][0] <= self.now:
            self.session.receive(mark_frame(self._marks.popleft()[1]), self.now)

    def events(self) -> list[str]:
        return [message["event"] for message in self.received]
