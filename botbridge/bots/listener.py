"""The listener, for a Stream applet: hears the call, says nothing, and notes who talked when and how loud."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from contextlib import aclosing
from typing import Final

from botbridge import audio
from botbridge.bots.spec import BotContext, BotSpec, Prompt
from botbridge.line import Line

SECONDS_MAX: Final = 3_600
LEVEL_EVERY: Final = 10.0
"""Seconds of audio between two notes of the level."""


class Listener:
    """One call overheard. When speech begins and ends is noted by the line; here are its lengths and levels.

    With a detector of its own, so that audio which comes in a burst is judged piece by piece, too.
    """

    def __init__(self, _context: BotContext) -> None:
        self._heard = 0.0
        self._talked = 0.0
        self._segments = 0
        self._loudest = audio.SILENT
        self._segment = _Piece()
        self._piece = _Piece()

    async def run(self, line: Line) -> None:
        """Listen until the stream ends."""
        try:
            await self._listen(line)
        finally:
            self._end_segment(line)
            details = {
                "heard_seconds": f"{self._heard:.1f}",
                "talk_seconds": f"{self._talked:.1f}",
                "segments": str(self._segments),
                "loudest_dbfs": f"{self._loudest:.0f}",
            }
            line.dispose("listened", "none", "Listened", details)

    async def _listen(self, line: Line) -> None:
        frames = audio.Reframer(audio.CHUNK_MIN)
        detector = audio.SpeechDetector(line.sample_rate)
        async with aclosing(line.heard()) as heard:
            async for pcm in heard:
                for chunk in frames.push(pcm):
                    detector.hear(chunk)
                    self._take(line, chunk, talking=detector.talking)
                await asyncio.sleep(0)  # an hour of audio that came at once must not hold the loop

    def _take(self, line: Line, chunk: bytes, *, talking: bool) -> None:
        seconds, loudness = audio.seconds(len(chunk), line.sample_rate), audio.level(chunk)
        self._heard += seconds
        self._loudest = max(self._loudest, loudness)
        if talking:
            self._segment.add(seconds, loudness)
        else:
            self._end_segment(line)
        self._piece.add(seconds, loudness)
        if self._piece.seconds >= LEVEL_EVERY:
            line.note("level", "", seconds=round(self._piece.seconds, 1), dbfs=round(self._piece.loudest))
            self._piece = _Piece()

    def _end_segment(self, line: Line) -> None:
        segment, self._segment = self._segment, _Piece()
        if segment.seconds:
            self._talked += segment.seconds
            self._segments += 1
            line.note("speech", "", seconds=round(segment.seconds, 1), dbfs=round(segment.loudest))


class _Piece:
    """A stretch of audio: its length and its loudest 0.2 s."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.loudest = audio.SILENT

    def add(self, seconds: float, loudness: float) -> None:
        self.seconds += seconds
        self.loudest = max(self.loudest, loudness)


def problems(_options: Mapping[str, str], _columns: Collection[str], _speech_available: bool) -> list[str]:  # noqa: FBT001
    """Nothing can be set, so nothing can be wrong."""
    return []


def prompts(_options: Mapping[str, str], _variables: Mapping[str, str]) -> tuple[Prompt, ...]:
    """It says nothing."""
    return ()


SPEC: Final = BotSpec(
    name="listener",
    label="Listener",
    description="For a flow’s Stream applet: hears the call and notes who talked when. It never says anything.",
    options=(),
    max_seconds=SECONDS_MAX,
    problems=problems,
    prompts=prompts,
    create=Listener,
    listens_only=True,
)
