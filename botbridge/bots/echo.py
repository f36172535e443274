"""The line test: plays back what it hears, until # is pressed or the time is up."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from contextlib import aclosing
from typing import Final

from botbridge import audio
from botbridge.bots.spec import BotContext, BotSpec, Option, Prompt
from botbridge.line import Line

SECONDS_MAX: Final = 600

OPTIONS: Final = (
    Option(
        "max_seconds",
        "Longest test, in seconds",
        "number",
        help="The test hangs up after this time, or when # is pressed.",
        default="60",
    ),
)


class Echo:
    """One line test."""

    def __init__(self, context: BotContext) -> None:
        self._seconds = _max_seconds(context.options) or 60
        self._heard_bytes = 0
        self._loudest = audio.SILENT

    async def run(self, line: Line) -> None:
        """Echo, then record how much was heard and how loud it was."""
        try:
            async with asyncio.timeout(self._seconds):
                await self._echo(line)
        except TimeoutError:
            line.note("limit", f"The test ended after {self._seconds} seconds")
        finally:
            heard = audio.seconds(self._heard_bytes, line.sample_rate)
            details = {"heard_seconds": f"{heard:.1f}", "loudest_dbfs": f"{self._loudest:.0f}"}
            line.dispose("line_test", "none", "Line test done", details)

    async def _echo(self, line: Line) -> None:
        frames = audio.Reframer(audio.CHUNK_MIN)
        async with aclosing(line.heard()) as heard:
            async for pcm in heard:
                self._heard_bytes += len(pcm)
                for chunk in frames.push(pcm):
                    self._loudest = max(self._loudest, audio.level(chunk))
                    line.play(chunk)
                if line.take_key() == "#":
                    return


def problems(options: Mapping[str, str], _columns: Collection[str], _speech_available: bool) -> list[str]:  # noqa: FBT001
    """Why a campaign cannot be launched with these options, in an operator's words."""
    if _max_seconds(options) is None:
        return [f"“Longest test” must be a whole number of seconds from 1 to {SECONDS_MAX}."]
    return []


def _max_seconds(options: Mapping[str, str]) -> int | None:
    written = options.get("max_seconds", "").strip() or "60"
    seconds = int(written) if written.isascii() and written.isdigit() and len(written) < 6 else 0
    return seconds if 1 <= seconds <= SECONDS_MAX else None


def prompts(_options: Mapping[str, str], _variables: Mapping[str, str]) -> tuple[Prompt, ...]:
    """It says nothing of its own."""
    return ()


SPEC: Final = BotSpec(
    name="echo",
    label="Line test (echo)",
    description="Plays back what it hears, so that you can judge the line. Needs no voice. # ends it.",
    options=OPTIONS,
    max_seconds=SECONDS_MAX,
    problems=problems,
    prompts=prompts,
    create=Echo,
)
