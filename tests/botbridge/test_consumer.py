"""The media socket on Channels, with Exotel's side played by the test and stand-in doors to `campaigns`."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import logging
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from channels.routing import URLRouter
from channels.testing import WebsocketCommunicator
from django.db import DataError, OperationalError
from pytest_django import Settings

import botbridge.doors
from botbridge import consumers, live, speech
from botbridge.bots.echo import SPEC as ECHO
from botbridge.bots.spec import BotContext
from botbridge.journal import Journal
from botbridge.line import Line
from botbridge.routing import websocket_urlpatterns
from campaigns.streams import Entry, StreamRefused
from tests.botbridge.far_end import dtmf_frame, mark_frame, media_frame, stop_frame
from tests.botbridge.stand_in import Caller, StandIn, for_bot
from tests.botbridge.test_audio import noise


class Broken:
    """A bot that fails in the middle of a word about somebody."""

    def __init__(self, context: BotContext) -> None:
        pass

    async def run(self, line: Line) -> None:
        line.play(bytes(3_200), "Hello Asha.")
        raise ZeroDivisionError("Asha owes 500")


BROKEN = replace(ECHO, name="broken", create=Broken)


class Stubborn:
    """A bot that goes on whatever happens, until the test lets it go."""

    let_go: asyncio.Event

    def __init__(self, context: BotContext) -> None:
        pass

    async def run(self, line: Line) -> None:
        line.note("odd", "", thing=object())  # no JSON
        while not self.let_go.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await self.let_go.wait()


STUBBORN = replace(ECHO, name="stubborn", create=Stubborn)


@pytest.fixture(autouse=True)
def media(settings: Settings, tmp_path: Path) -> Iterator[None]:
    settings.SPEECH_DIR = tmp_path
    ours = {name: f"tests.botbridge.test_consumer.{name.upper()}" for name in ("broken", "stubborn")}
    settings.BOTS = {**settings.BOTS, **ours}
    yield
    assert consumers.live_streams() == 0


async def test_a_forged_token_is_refused_before_the_handshake_ends() -> None:
    assert await Caller(StandIn(), "forged").socket.connect() == (False, 4401)


async def test_a_used_token_is_refused_with_its_code() -> None:
    assert await Caller(StandIn(refusal=StreamRefused(4409, "used"))).socket.connect() == (False, 4409)


async def test_a_database_that_is_away_for_a_moment_costs_no_call() -> None:
    doors = StandIn(away=2)
    caller = await Caller(doors).start()
    doors.away = 2
    await caller.say(stop_frame())
    await caller.until_closed()
    assert (len(doors.starts), doors.closings[0].by) == (1, "caller")


async def test_without_a_database_a_stream_is_refused_before_exotel_gives_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(botbridge.doors, "PATIENCE", 0.1)
    assert await Caller(StandIn(away=99)).socket.connect() == (False, 1013)


async def test_a_socket_at_any_other_address_is_refused_without_a_traceback() -> None:
    for path in ("/", "/x/ws/a/b/c", "/socket.io/"):
        assert await WebsocketCommunicator(URLRouter(websocket_urlpatterns), path).connect() == (False, 4404)


async def test_no_more_streams_than_the_limit_are_taken_and_the_log_says_so(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.MAX_STREAMS = 1
    first = await Caller(StandIn()).start()
    assert await Caller(StandIn()).socket.connect() == (False, 1013)
    assert "it carries 1 (MAX_STREAMS)" in caplog.text
    await first.gone()
    second = await Caller(StandIn()).start()
    await second.gone()


async def test_a_draining_server_takes_no_new_streams_and_keeps_the_old(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumers.admission, "draining", False)
    talking = await Caller(StandIn()).start()
    consumers.drain()
    assert await Caller(StandIn()).socket.connect() == (False, 1013)
    for _ in range(10):
        await talking.say(media_frame(b"\1\1" * 160))
    await talking.until(lambda caller: "media" in caller.events())
    await talking.gone()


async def test_a_bot_that_is_not_installed_is_refused_and_written_down() -> None:
    doors = for_bot("gone")
    assert await Caller(doors).socket.connect() == (False, 1011)
    assert doors.closings[0].by == "server"


async def test_echo_plays_back_what_it_hears_until_the_hash_key() -> None:
    doors = StandIn()
    caller = await Caller(doors).start()
    said = [bytes([number, 1]) * 160 for number in range(30)]
    for frame in said:
        await caller.say(media_frame(frame))
    await caller.until(lambda caller: caller.events().count("media") >= 3)
    await caller.say(dtmf_frame("#"))
    await caller.say(media_frame(bytes(320)))
    assert await caller.until_closed() == 1000
    heard = [base64.b64decode(frame["media"]["payload"]) for frame in caller.received if frame["event"] == "media"]
    assert b"".join(heard) == b"".join(said)
    assert {len(chunk) for chunk in heard} == {3_200}
    closing = doors.closings[0]
    assert (closing.by, closing.code, closing.frames_in, closing.bytes_in) == ("bot", 1000, 35, 31 * 320)
    assert doors.dispositions[0]["details"]["heard_seconds"] == "0.6"


async def test_the_start_is_handed_over_as_it_came() -> None:
    doors = StandIn()
    caller = await Caller(doors).start(custom_parameters={"41.abc": ""})
    await caller.say(stop_frame())
    await caller.until_closed()
    start = doors.starts[0]
    assert (start.account_sid, start.custom_parameters, start.sample_rate) == ("acct", {"41.abc": ""}, 8000)
    assert '"event":"start"' in start.raw


async def test_a_call_that_contradicts_the_token_is_closed() -> None:
    doors = StandIn(crossed=StreamRefused(4403, "the start event names another call"))
    caller = await Caller(doors).start()
    assert await caller.until_closed() == 4403
    assert doors.closings[0].reason == "the start event names another call"


async def test_a_stop_is_the_callers_end_and_the_timeline_is_whole() -> None:
    doors = StandIn()
    caller = await Caller(doors).start()
    await caller.say(stop_frame())
    await caller.until_closed()
    assert (doors.closings[0].by, doors.closings[0].reason) == ("caller", "canceled or call ended")
    assert doors.kinds() == ["connected", "start", "stop", "disposition", "closing"]
    assert [entry.at for entry in doors.entries] == sorted(entry.at for entry in doors.entries)


async def test_a_dropped_connection_is_the_networks_end() -> None:
    doors = StandIn()
    caller = await Caller(doors).start()
    await caller.gone(1006)
    assert (doors.closings[0].by, doors.closings[0].code) == ("network", 1006)


async def test_twenty_unreadable_frames_close_the_socket() -> None:
    doors = StandIn()
    caller = await Caller(doors).start()
    for _ in range(20):
        await caller.socket.send_to(bytes_data=b"\xff")
    assert await caller.until_closed() == 4003  # autobahn sends no 1003 for an application
    assert (doors.closings[0].code, doors.closings[0].by) == (1003, "error")
    assert "error" in doors.kinds()


async def test_a_flood_closes_the_socket() -> None:
    doors = StandIn()
    caller = await Caller(doors).start()
    for _ in range(60):
        await caller.say(media_frame(bytes(16_000)))
    assert await caller.until_closed() == 4008
    assert (doors.closings[0].code, doors.closings[0].by) == (1008, "limit")


async def test_a_bot_that_fails_ends_the_call_cleanly_and_its_words_stay_out_of_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    doors = for_bot("broken")
    with caplog.at_level(logging.DEBUG, logger="botbridge"):
        caller = await Caller(doors).start()
        assert await caller.until_closed() == 1000
    assert caller.events() == ["media", "mark"]
    assert (doors.closings[0].by, doors.closings[0].reason) == ("error", "the bot failed: ZeroDivisionError")
    assert "ZeroDivisionError" in caplog.text
    assert "Asha" not in caplog.text


async def test_a_bot_that_will_not_end_keeps_no_stream_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "LAST_WORDS", 0.05)
    Stubborn.let_go = asyncio.Event()
    doors = for_bot("stubborn")
    caller = await Caller(doors).start()
    await caller.say(stop_frame())
    await caller.until_closed()
    Stubborn.let_go.set()
    assert [closing.by for closing in doors.closings] == ["caller"]


async def test_what_a_bot_noted_that_cannot_be_written_costs_neither_the_rest_nor_the_end() -> None:
    doors = for_bot("stubborn")
    doors.refuses = "odd"
    Stubborn.let_go = asyncio.Event()
    Stubborn.let_go.set()
    caller = await Caller(doors).start()
    await caller.until_closed()
    assert [closing.by for closing in doors.closings] == ["bot"]


async def test_a_fault_of_our_own_closes_the_socket_and_is_written_down(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    doors = StandIn()
    caller = await Caller(doors).start()
    monkeypatch.setattr("botbridge.live.encode", lambda _: 1 / 0)
    for _ in range(10):
        await caller.say(media_frame(b"\1\1" * 160))
    assert await caller.until_closed() == 4011
    assert (doors.closings[0].by, doors.closings[0].reason) == ("server", "an error in Dialer itself")
    assert "a stream ended badly: ZeroDivisionError" in caplog.text


async def test_a_frame_that_meets_a_fault_of_ours_leaves_no_stream_open(monkeypatch: pytest.MonkeyPatch) -> None:
    doors = StandIn()
    caller = await Caller(doors).start()
    monkeypatch.setattr("botbridge.line.Line.heard_audio", lambda *_: 1 / 0)
    await caller.say(media_frame(bytes(320)))
    with pytest.raises(ZeroDivisionError):
        await caller.socket.wait()
    for _ in range(200):
        if doors.closings:
            break
        await asyncio.sleep(0.01)
    assert [closing.by for closing in doors.closings] == ["network"]


async def test_the_talks_of_a_server_that_stops_are_hung_up_and_written_down() -> None:
    doors = StandIn()
    caller = await Caller(doors).start()
    await caller.say(media_frame(bytes(320)))
    await asyncio.sleep(0.05)
    await consumers.hang_up_all()
    assert (doors.closings[0].by, doors.closings[0].code) == ("server", 1012)
    assert await caller.until_closed() == 4012


ANNOUNCER = {"message": "Hello {name}.", "question": "Press 1.", "wait_seconds": "1", "keys": "1 = paid (goal): Paid"}


async def prepared(doors: StandIn, directory: Path) -> StandIn:
    """The prompts rendered before the call, as `campaigns` does it."""
    from botbridge.bots.announcer import SPEC

    prompts = SPEC.prompts(doors.grant.bot_options, doors.grant.variables)
    texts = [(prompt.text, prompt.voice) for prompt in prompts]
    await asyncio.to_thread(speech.prepare, texts, 8000, directory)
    return doors


async def test_the_first_words_come_within_150_milliseconds_of_the_start(tmp_path: Path) -> None:
    waits = []
    for _ in range(3):
        doors = await prepared(for_bot("announcer", **ANNOUNCER), tmp_path)
        caller = await Caller(doors).start()
        began = time.perf_counter()
        await caller.until(lambda caller: "media" in caller.events())
        waits.append(time.perf_counter() - began)
        await caller.gone()
        assert "rendered" not in doors.kinds()
    assert min(waits) < 0.15


async def test_a_prompt_that_was_not_prepared_is_spoken_on_the_spot_and_says_so() -> None:
    doors = for_bot("announcer", **ANNOUNCER)
    caller = await Caller(doors).start()
    await caller.until(lambda caller: "media" in caller.events())
    await caller.gone()
    assert "rendered" in doors.kinds()


async def test_who_waits_for_the_voice_keeps_nobody_else_from_speaking(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready = await prepared(for_bot("announcer", **ANNOUNCER), tmp_path)
    voice = threading.Event()
    monkeypatch.setattr(speech, "render", lambda *_: voice.wait(10) and bytes(3_200))
    waiting = [await Caller(for_bot("announcer", message=f"Number {number}.")).start() for number in range(12)]
    await asyncio.sleep(0.05)
    caller = await Caller(ready).start()
    await caller.until(lambda caller: "media" in caller.events(), 5)
    assert not any("media" in each.events() for each in waiting)
    voice.set()
    for each in (caller, *waiting):
        await each.gone()


async def test_an_announcement_is_made_answered_confirmed_and_ended(tmp_path: Path) -> None:
    doors = await prepared(for_bot("announcer", **ANNOUNCER), tmp_path)
    caller = await Caller(doors).start()
    await caller.until(lambda caller: caller.events().count("mark") == 2)
    await caller.say(dtmf_frame("1"))
    assert await caller.until_closed() == 1000
    assert doors.said() == ["Hello Asha.", "Press 1.", "You pressed 1. Thank you."]
    assert doors.dispositions == [{"key": "paid", "label": "Paid", "kind": "goal", "details": {"key": "1"}}]
    assert doors.closings[0].by == "bot"
    assert doors.kinds()[:4] == ["connected", "start", "prompt", "first_audio"]


async def test_a_key_during_the_message_interrupts_it(tmp_path: Path) -> None:
    doors = await prepared(for_bot("announcer", **ANNOUNCER), tmp_path)
    caller = await Caller(doors, hold_marks=True).start()
    await caller.until(lambda caller: "mark" in caller.events())
    caller.hold_marks = False
    await caller.say(dtmf_frame("1"))
    assert await caller.until_closed() == 1000
    assert caller.events().count("clear") == 1
    assert doors.said() == ["Hello Asha.", "You pressed 1. Thank you."]
    assert {"key", "barge_in", "prompt_cut", "clear"} <= set(doors.kinds())


async def test_the_last_words_are_not_cut_by_a_thank_you(tmp_path: Path) -> None:
    doors = await prepared(for_bot("announcer", **ANNOUNCER, speech_cuts="yes"), tmp_path)
    caller = await Caller(doors).start()
    await caller.until(lambda caller: caller.events().count("mark") == 2)
    caller.hold_marks = True
    await caller.say(dtmf_frame("1"))
    await caller.until(lambda caller: caller.events().count("mark") == 3)
    spoken = noise(-20, 0.6)
    for at in range(0, len(spoken), 320):
        await caller.say(media_frame(spoken[at : at + 320]))
    await caller.say(mark_frame(caller.received[-1]["mark"]["name"]))
    assert await caller.until_closed() == 1000
    assert "speech_start" in doors.kinds()
    assert "clear" not in caller.events()


# --- the journal --------------------------------------------------------------------------------------------


def entry(stream_id: int, kind: str = "key") -> Entry:
    return Entry(stream_id, 0.0, kind, "1", {})


async def test_entries_of_all_streams_are_written_together() -> None:
    doors = StandIn()
    journal = Journal(doors)
    for stream_id in range(50):
        journal.add(entry(stream_id))
    await journal.flush()
    assert (doors.notes, len(doors.entries)) == (1, 50)


async def test_entries_wait_for_a_database_that_is_away() -> None:
    doors = StandIn(failures=[OperationalError("away")])
    journal = Journal(doors)
    journal.add(entry(1))
    await journal.flush()
    assert doors.entries == []
    journal.add(entry(2))
    await journal.flush()
    assert [written.stream_id for written in doors.entries] == [1, 2]


async def test_one_streams_bad_entry_does_not_cost_the_others_theirs() -> None:
    doors = StandIn(failures=[DataError("batch"), DataError("stream 1")])
    journal = Journal(doors)
    journal.add(entry(1))
    journal.add(entry(2))
    await journal.flush()
    assert [written.stream_id for written in doors.entries] == [2]
    assert journal.lost == 1


async def test_the_journal_writes_by_itself_within_about_a_second() -> None:
    doors = StandIn()
    journal = Journal(doors)
    journal.add(entry(1))
    await asyncio.to_thread(doors.noted.wait, 3)
    assert len(doors.entries) == 1
