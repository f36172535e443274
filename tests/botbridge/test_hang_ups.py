"""An operator ends a talk: asked for in the database, done by the process that carries it."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from botbridge import hang_ups
from tests.botbridge.far_end import media_frame
from tests.botbridge.stand_in import GRANT, Caller, StandIn


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hang_ups, "EVERY", 0.05)


async def _talking(doors: StandIn) -> Caller:
    caller = await Caller(doors).start()
    await caller.say(media_frame(bytes(320)))
    return caller


async def test_a_talk_that_somebody_wants_ended_is_closed_at_once_with_their_name() -> None:
    doors = StandIn()
    caller = await _talking(doors)
    doors.hangs_up = "Meera Kulkarni"
    assert await caller.until_closed() == 1000
    (closing,) = doors.closings
    assert (closing.code, closing.by, closing.reason) == (1000, "server", "hung up by Meera Kulkarni")


async def test_other_talks_go_on() -> None:
    doomed, other = StandIn(), StandIn(grant=replace(GRANT, stream_id=8))
    first, second = await _talking(doomed), await _talking(other)
    asked = hang_ups.hang_ups(doomed)
    doomed.hangs_up, doomed.hung_up_on = "Meera", frozenset({7})
    assert await first.until_closed() == 1000
    await asyncio.sleep(0.15)
    assert other.closings == []
    await second.gone()
    assert asked is hang_ups.hang_ups(doomed)


async def test_a_database_that_is_away_is_asked_again() -> None:
    doors = StandIn()
    caller = await _talking(doors)
    doors.away, doors.hangs_up = 2, "Meera"
    assert await caller.until_closed() == 1000


async def test_a_talk_of_a_campaign_that_was_stopped_with_its_talks_ends_as_it_begins() -> None:
    doors = StandIn(grant=replace(GRANT, hang_up_by="Meera Kulkarni"))
    caller = await Caller(doors).start()
    assert await caller.until_closed() == 1000
    (closing,) = doors.closings
    assert (closing.code, closing.by, closing.reason) == (1000, "server", "hung up by Meera Kulkarni")
    assert len(doors.starts) == 1  # that the person answered is known
    assert closing.frames_out == 0
