"""What a bot can rely on: saying, waiting, being interrupted, and being left alone on a line."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from botbridge.audio import silence
from botbridge.line import Line, LineClosed, Said
from botbridge.protocol import SendClear, SendMedia
from botbridge.session import Session
from tests.botbridge.far_end import mark_frame, start_frame, stop_frame
from tests.botbridge.test_audio import noise


class Notebook:
    """An owner that writes everything down."""

    def __init__(self) -> None:
        self.time = 100.0
        self.woken = 0
        self.notes: list[tuple[str, str]] = []
        self.dispositions: list[tuple[str, str, str, dict[str, str]]] = []

    def now(self) -> float:
        return self.time

    def wake(self) -> None:
        self.woken += 1

    def note(self, kind: str, text: str, data: Mapping[str, object]) -> None:
        self.notes.append((kind, text))

    def dispose(self, key: str, kind: str, label: str, details: dict[str, str]) -> None:
        self.dispositions.append((key, kind, label, details))


def open_line() -> tuple[Line, Session, Notebook]:
    session, owner = Session(now=100.0), Notebook()
    session.receive(start_frame(), 100.0)
    return Line(session, owner), session, owner


SECOND = b"\x10\x20" * 8000


async def test_saying_something_ends_when_its_mark_comes_back() -> None:
    line, session, owner = open_line()
    saying = asyncio.create_task(line.say(SECOND, "Hello."))
    await asyncio.sleep(0)
    assert owner.woken == 1
    session.poll(100.0)
    session.receive(mark_frame("m1"), 101.0)
    line.changed()
    assert await saying is Said.HEARD
    assert owner.notes == [("prompt", "Hello.")]


async def test_a_key_cuts_what_is_said_and_is_there_to_be_read() -> None:
    line, session, owner = open_line()
    saying = asyncio.create_task(line.say(SECOND, "Hello."))
    await asyncio.sleep(0)
    session.poll(100.0)
    line.pressed("1")
    assert await saying is Said.CUT_BY_KEY
    assert [type(command) for command in session.poll(100.1)] == [SendClear]
    assert await line.wait_key(0) == "1"
    assert [kind for kind, _ in owner.notes] == ["prompt", "barge_in", "prompt_cut"]


async def test_a_key_does_not_cut_when_it_may_not() -> None:
    line, session, _ = open_line()
    saying = asyncio.create_task(line.say(SECOND, "Goodbye.", keys_cut=False))
    await asyncio.sleep(0)
    session.poll(100.0)
    line.pressed("1")
    await asyncio.sleep(0)
    assert not saying.done()
    session.receive(mark_frame("m1"), 101.0)
    line.changed()
    assert await saying is Said.HEARD


@pytest.mark.parametrize(("allowed", "result"), [(True, Said.CUT_BY_SPEECH), (False, Said.HEARD)])
async def test_talking_cuts_only_where_it_may(allowed: bool, result: Said) -> None:
    line, session, owner = open_line()
    saying = asyncio.create_task(line.say(SECOND, "Hello.", speech_cuts=allowed))
    await asyncio.sleep(0)
    assert isinstance(session.poll(100.0)[0], SendMedia)
    line.heard_audio(silence(0.5, 8000) + noise(-20, 0.5))
    await asyncio.sleep(0)
    session.receive(mark_frame("m1"), 101.0)
    line.changed()
    assert await saying is result
    assert ("speech_start", "") in owner.notes


async def test_who_talked_already_does_not_keep_the_bot_from_speaking_but_who_begins_again_cuts_it() -> None:
    line, session, _ = open_line()
    line.heard_audio(silence(0.5, 8000) + noise(-20, 0.5))
    assert line.talking
    saying = asyncio.create_task(line.say(SECOND, "Hello.", speech_cuts=True))
    await asyncio.sleep(0)
    session.poll(100.0)
    line.heard_audio(noise(-20, 0.5) + silence(1, 8000))
    await asyncio.sleep(0)
    assert not saying.done()
    line.heard_audio(noise(-20, 0.5))
    assert await saying is Said.CUT_BY_SPEECH


async def test_a_bot_may_wait_until_nobody_talks() -> None:
    line, _, _ = open_line()
    assert await line.wait_quiet(0)
    line.heard_audio(silence(0.5, 8000) + noise(-20, 0.5))
    assert not await line.wait_quiet(0.01)
    waiting = asyncio.create_task(line.wait_quiet(5))
    await asyncio.sleep(0)
    line.heard_audio(silence(1, 8000))
    assert await waiting


async def test_waiting_for_a_key_ends_when_the_time_is_up() -> None:
    line, _, _ = open_line()
    assert await line.wait_key(0.01) is None


async def test_whoever_waits_is_told_when_the_person_hangs_up() -> None:
    line, session, _ = open_line()
    waiting = asyncio.create_task(line.wait_key(60))
    await asyncio.sleep(0)
    session.receive(stop_frame(), 101.0)
    line.gone()
    with pytest.raises(LineClosed):
        await waiting
    with pytest.raises(LineClosed):
        await line.say(SECOND, "Anybody there?")


async def test_keys_nobody_reads_are_bounded() -> None:
    line, _, _ = open_line()
    for _ in range(100):
        line.pressed("1")
    assert line.dropped == 68


async def test_a_slow_bot_hears_the_last_two_seconds() -> None:
    line, _, _ = open_line()
    heard = line.heard()
    first = asyncio.ensure_future(anext(heard))
    await asyncio.sleep(0)
    for number in range(150):
        line.heard_audio(bytes([number, 0]) * 160)
    piece = await first
    assert piece[0] == 50  # the first 50 of 150 frames of 20 ms were dropped
    assert line.dropped == 50
    await heard.aclose()


async def test_what_was_said_before_the_bot_listened_is_not_lost_nor_counted_as_dropped() -> None:
    line, _, _ = open_line()
    for _ in range(1_000):
        line.heard_audio(bytes(320))
    line.gone()
    assert sum([len(piece) async for piece in line.heard()]) == 2 * 16_000
    assert line.dropped == 0


async def test_hearing_ends_with_the_stream() -> None:
    line, _, _ = open_line()

    async def listen() -> int:
        return sum([len(piece) async for piece in line.heard()])

    listening = asyncio.create_task(listen())
    await asyncio.sleep(0)
    line.heard_audio(bytes(320))
    await asyncio.sleep(0)
    line.gone()
    assert await listening == 320
