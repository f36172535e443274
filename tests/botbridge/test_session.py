"""A stream's state against Exotel's end in memory, on a pretend clock."""

from __future__ import annotations

import random
from typing import Any

import pytest

from botbridge import audio
from botbridge.protocol import Close, Media, SendClear, SendMark, SendMedia, Stop
from botbridge.session import ERROR_BUDGET, LEAD, Session, State
from tests.botbridge.far_end import FarEnd, dtmf_frame, mark_frame, media_frame, start_frame, stop_frame
from tests.botbridge.test_protocol import mutated


def talk(rate: int = 8000, **more: Any) -> FarEnd:
    """A live stream, started at second 100."""
    session = Session(now=100.0, sample_rate=8000, **more)
    far_end = FarEnd(session, rate=rate)
    far_end.start()
    return far_end


def speech(seconds: float, rate: int = 8000) -> bytes:
    return b"\x10\x20" * round(seconds * rate)


def test_the_start_sets_the_sample_rate() -> None:
    assert talk(rate=24000).session.sample_rate == 24000


def test_chunks_obey_the_vendors_rule_and_hold_everything_that_was_said() -> None:
    for rate in (8000, 16000, 24000):
        far_end = talk(rate=rate)
        said = speech(3.3333, rate)
        far_end.session.say(said)
        far_end.run(5)
        assert all(size % 320 == 0 and 3_200 <= size <= 100_000 for size in far_end.sizes)
        assert len(said) <= sum(far_end.sizes) < len(said) + 3_200


def test_a_very_short_word_is_padded_with_silence() -> None:
    far_end = talk()
    far_end.session.say(speech(0.05))
    far_end.run(0.1)
    assert far_end.sizes == [3_200]


def test_the_first_audio_leaves_at_once() -> None:
    far_end = talk()
    far_end.session.say(speech(1))
    assert isinstance(far_end.session.poll(far_end.now)[0], SendMedia)


def test_a_long_message_is_never_more_than_five_seconds_ahead_and_never_late() -> None:
    far_end = talk()
    mark = far_end.session.say(speech(20))
    far_end.run(19.9)
    assert 4 < far_end.most_ahead <= LEAD
    assert far_end.session.playing(mark)
    far_end.run(0.2)
    assert not far_end.session.playing(mark)
    assert far_end.played_until == pytest.approx(120.0, abs=0.05)


def test_the_pump_needs_waking_only_when_there_is_something_to_do() -> None:
    far_end = talk()
    far_end.session.say(speech(20))
    polls = 0
    while far_end.session.playing("m1") and polls < 1000:
        far_end.carry_out(far_end.session.poll(far_end.now))
        far_end.now += far_end.session.next_poll(far_end.now)
        far_end._return_marks()
        far_end.session.receive(media_frame(bytes(320)), far_end.now)
        polls += 1
    assert polls < 50


def test_marks_that_come_late_correct_the_playback_clock() -> None:
    far_end = talk()
    far_end.session.say(speech(1))
    far_end.session.say(speech(1))
    far_end.carry_out(far_end.session.poll(far_end.now))
    far_end.session.receive(mark_frame("m1"), 101.5)
    assert far_end.session.unheard(101.5) == pytest.approx(1.0)


def test_a_barge_in_clears_the_far_end_and_forgets_what_was_pending() -> None:
    far_end = talk()
    mark = far_end.session.say(speech(10))
    far_end.run(2)
    sent = len(far_end.sizes)
    cut = far_end.session.interrupt(far_end.now)
    assert cut == pytest.approx(8, abs=0.1)
    far_end.run(3)
    assert far_end.events()[-1] == "clear"
    assert len(far_end.sizes) == sent
    assert not far_end.session.playing(mark)
    assert far_end.session.traffic.errors == 0  # marks of cleared audio may still come back


def test_after_a_barge_in_the_next_words_leave_at_once() -> None:
    far_end = talk()
    far_end.session.say(speech(10))
    far_end.run(1)
    far_end.session.interrupt(far_end.now)
    far_end.session.say(speech(1))
    kinds = [type(command) for command in far_end.session.poll(far_end.now)]
    assert kinds == [SendClear, SendMedia, SendMedia, SendMark]


def test_a_barge_in_into_silence_sends_nothing() -> None:
    far_end = talk()
    assert far_end.session.interrupt(far_end.now) == 0
    assert far_end.session.poll(far_end.now) == []


def test_hanging_up_waits_for_the_last_mark() -> None:
    far_end = talk()
    far_end.session.say(speech(2))
    far_end.session.hang_up()
    far_end.session.hang_up()
    far_end.run(10)
    assert far_end.closed == Close(1000, "the bot hung up", "bot")
    assert far_end.closed_at == pytest.approx(102, abs=0.1)
    assert far_end.events().count("mark") == 1


def test_hanging_up_after_a_flow_without_marks_still_waits_until_it_was_heard() -> None:
    far_end = talk()
    far_end.session.say(speech(2), mark=False)
    far_end.run(0.1)
    far_end.session.hang_up()
    far_end.run(10)
    assert far_end.closed_at == pytest.approx(102, abs=0.1)


def test_hanging_up_does_not_wait_forever_for_a_mark_that_is_lost() -> None:
    far_end = talk()
    far_end.returns_marks = False
    far_end.session.say(speech(2))
    far_end.session.hang_up()
    far_end.run(10)
    assert far_end.closed_at == pytest.approx(102 + 3, abs=0.1)


def test_hanging_up_in_silence_closes_at_once() -> None:
    far_end = talk()
    far_end.session.hang_up()
    assert far_end.session.poll(far_end.now) == [Close(1000, "the bot hung up", "bot")]


def test_nothing_more_is_said_once_it_hangs_up() -> None:
    far_end = talk()
    far_end.session.hang_up()
    assert far_end.session.say(speech(1)) == ""
    assert [type(command) for command in far_end.session.poll(far_end.now)] == [Close]


def test_a_stream_without_a_start_is_closed_after_ten_seconds() -> None:
    session = Session(now=0)
    session.receive('{"event":"connected"}', 0.1)
    assert session.next_poll(0.1) == pytest.approx(9.9)
    assert session.poll(9.99) == []
    assert session.poll(10) == [Close(1002, "no start within 10 seconds", "error")]


def test_no_stream_lives_longer_than_the_vendors_hour() -> None:
    session = Session(now=0, time_limit=14_400)
    session.receive(start_frame(), 0)
    for minute in range(1, 60):
        session.receive(mark_frame("x"), minute * 60 - 30)
        session.receive(mark_frame("x"), minute * 60)
        assert session.poll(minute * 60) == []
    session.receive(mark_frame("x"), 3_580)
    assert session.poll(3_600) == [Close(1000, "the time limit was reached", "limit")]


def test_a_connection_that_died_silently_is_given_up_after_45_seconds() -> None:
    far_end = talk()
    assert far_end.session.poll(144.9) == []
    assert far_end.session.poll(145.0)[0].by == "network"  # type: ignore[union-attr]


def test_a_stop_ends_everything() -> None:
    far_end = talk()
    far_end.session.say(speech(5))
    assert far_end.session.receive(stop_frame(), 101) == Stop("canceled or call ended")
    assert far_end.session.state is State.CLOSED
    assert far_end.session.poll(101) == []
    assert far_end.session.receive(dtmf_frame("1"), 101) is None


def test_twenty_unreadable_frames_are_enough() -> None:
    far_end = talk()
    for _ in range(ERROR_BUDGET - 1):
        far_end.session.receive("?", 101)
    assert far_end.session.poll(101) == []
    far_end.session.receive("?", 101)
    closed = far_end.session.poll(101)[0]
    assert isinstance(closed, Close)
    assert (closed.code, closed.by) == (1003, "error")


def test_talk_before_the_start_and_a_second_start_are_errors() -> None:
    session = Session(now=0)
    assert session.receive(media_frame(bytes(320)), 0) is None
    assert session.receive(dtmf_frame("1"), 0) is None
    session.receive(start_frame(), 0)
    session.receive(start_frame(rate=16000), 0)
    assert session.traffic.errors == 3
    assert session.sample_rate == 8000


def test_a_message_over_the_limit_closes_with_1009() -> None:
    far_end = talk()
    far_end.session.receive("x" * 262_145, 101)
    assert far_end.session.ended_by == Close(1009, "a message of more than 262,144 bytes", "limit")


def test_a_flood_closes_with_1008() -> None:
    far_end = talk()
    frame = media_frame(bytes(3200))
    sent = 0
    while far_end.session.state is State.LIVE and sent < 1000:
        far_end.session.receive(frame, 101)
        sent += 1
    assert sent < 100
    assert isinstance(far_end.session.ended_by, Close)
    assert far_end.session.ended_by.code == 1008


def test_a_flood_of_small_frames_is_a_flood_too() -> None:
    far_end = talk()
    for second in range(10):
        for _ in range(1_000):
            far_end.session.receive(dtmf_frame("1"), 101 + second)
    assert far_end.session.state is State.CLOSED


def test_what_a_stalled_network_held_back_is_no_flood() -> None:
    far_end = talk()
    for _ in range(7 * 50):
        far_end.session.receive(media_frame(bytes(320)), 108)
    for tick in range(500):
        far_end.session.receive(media_frame(bytes(320)), 108 + tick / 50)
    assert far_end.session.state is State.LIVE


def test_missing_sequence_numbers_are_counted_and_a_key_has_one_too() -> None:
    far_end = talk()
    for sequence in (2, 3, 6):
        far_end.session.receive(media_frame(bytes(320), sequence), 101)
    far_end.session.receive(dtmf_frame("1"), 101)
    far_end.session.receive(media_frame(bytes(320), 8), 101)
    assert far_end.session.traffic.gaps == 1


def heard(far_end: FarEnd, *pieces: bytes) -> list[bytes]:
    """What the bot is given of these frames."""
    events = [far_end.session.receive(media_frame(piece), 101 + n / 50) for n, piece in enumerate(pieces)]
    return [event.payload for event in events if isinstance(event, Media)]


def test_half_a_sample_at_the_end_of_a_frame_is_completed_by_the_next() -> None:
    said = bytes(range(1, 255)) * 38
    far_end = talk()
    pieces = heard(far_end, *(said[at : at + 193] for at in range(0, len(said), 193)))
    assert len(pieces) > 2 * ERROR_BUDGET
    assert b"".join(pieces) == said
    assert all(len(piece) % 2 == 0 for piece in pieces)
    assert (far_end.session.traffic.errors, far_end.session.state) == (0, State.LIVE)


def test_a_frame_that_lost_a_byte_leaves_those_after_it_as_they_are() -> None:
    whole = bytes(range(20))
    assert heard(talk(), whole[:19], whole, whole, whole[:1], whole) == [whole[:18], whole, whole, b"", whole]


def test_mulaw_has_no_halves() -> None:
    far_end = FarEnd(Session(now=100.0))
    far_end.start(media_format={"encoding": "audio/x-mulaw", "sample_rate": "8000"})
    assert [len(piece) for piece in heard(far_end, bytes(161), bytes(160))] == [322, 320]


def meddle(session: Session, chance: random.Random, now: float) -> None:
    """What a bot may do at any moment."""
    match chance.randrange(3):
        case 0:
            session.say(speech(1))
        case 1:
            session.hang_up()
        case _:
            session.interrupt(now)


def test_no_mutated_frame_breaks_a_session_in_any_state() -> None:
    chance = random.Random(7)
    for _ in range(150):
        session, now = Session(now=0), 0.0
        for _ in range(20):
            now += chance.random() / 5
            session.receive(mutated(chance), now)
            if chance.random() < 0.2:
                meddle(session, chance, now)
            session.poll(now)
            assert session.next_poll(now) >= 0
        assert session.traffic.errors <= ERROR_BUDGET


def test_the_chunk_rule_is_a_rule_of_the_audio_module() -> None:
    assert audio.chunks(b"", 8_000) == []
    assert [len(piece) for piece in audio.chunks(bytes(8_000 + 3_198), 8_000)] == [11_200]
    assert [len(piece) for piece in audio.chunks(bytes(8_000 + 3_300), 8_000)] == [8_000, 3_520]
