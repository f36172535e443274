"""What waits to be sent on one stream: audio cut by the vendor's rule, and marks. Without I/O and without a clock."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from botbridge import audio, g711

CHUNK_SECONDS: Final = 0.5


@dataclass(frozen=True, slots=True)
class QueuedMark:
    """A mark behind the audio that it is to tell of."""

    name: str


Item = audio.Piece | QueuedMark


class Outbox:
    """Audio (PCM16) and marks in the order they were said.

    A flow comes in pieces of any size, as a voice makes them; less than may be sent waits for the next piece, since
    silence put behind each of them would be heard as stuttering.
    """

    def __init__(self, sample_rate: int, *, mulaw: bool = False) -> None:
        self.bytes = 0
        """Of audio that waits, the end of a flow included."""
        self._mulaw = mulaw
        self._size = g711.BLOCK if mulaw else int(CHUNK_SECONDS * sample_rate) * audio.SAMPLE_BYTES
        self._block, self._least = (g711.BLOCK, g711.BLOCK) if mulaw else (audio.BLOCK, audio.CHUNK_MIN)
        self._items: deque[Item] = deque()
        self._flow = bytearray()

    def say(self, pcm: bytes) -> None:
        """Something whole, padded with silence at its end."""
        if self._flow:
            pcm = self._taken(len(self._flow)) + pcm
        self._put(g711.padded(pcm) if self._mulaw else pcm)

    def flow(self, pcm: bytes) -> None:
        """The next piece of a flow."""
        self._flow += pcm
        self.bytes += len(pcm)
        if len(self._flow) >= self._least:
            self._put(self._taken(len(self._flow) - len(self._flow) % self._block))

    def end_flow(self) -> None:
        """Nothing more comes for now: what is too little to be sent is padded."""
        if self._flow:
            self.say(b"")

    def mark(self, name: str) -> None:
        """A mark behind everything said so far."""
        self.end_flow()
        self._items.append(QueuedMark(name))

    def clear(self) -> None:
        """Forget it all."""
        self._items.clear()
        self._flow.clear()
        self.bytes = 0

    @property
    def flowing(self) -> bool:
        """Whether a piece of a flow waits for the next one."""
        return bool(self._flow)

    @property
    def first(self) -> Item | None:
        """What may be sent next."""
        return self._items[0] if self._items else None

    def pop(self) -> None:
        """The first is sent."""
        item = self._items.popleft()
        if not isinstance(item, QueuedMark):
            self.bytes -= len(item)

    def marks(self) -> Iterator[str]:
        """The names of the marks that wait."""
        return (item.name for item in self._items if isinstance(item, QueuedMark))

    def __bool__(self) -> bool:
        return bool(self._items) or self.flowing

    def _taken(self, count: int) -> bytes:
        """The first bytes of the flow, which wait no more."""
        taken = bytes(self._flow[:count])
        del self._flow[:count]
        self.bytes -= count
        return taken

    def _put(self, pcm: bytes) -> None:
        for piece in audio.chunks(pcm, self._size):
            self._items.append(piece)
            self.bytes += len(piece)
