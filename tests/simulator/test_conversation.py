"""The person on the line: playout, marks, clear, keys, patience."""

import base64
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialer.simulator.conversation import Conversation, Echo, HangUp, Press
from dialer.simulator.fates import TABLE


def person(code: str = "00", speed: float = 1.0) -> Conversation:
    return Conversation(TABLE[code].manner, 8000, speed)


def speech(seconds: float, peak: int = 6000) -> dict[str, Any]:
    samples = [peak, -peak] * round(seconds * 4000)
    raw = struct.pack(f"<{len(samples)}h", *samples)
    return {"event": "media", "stream_sid": "s", "media": {"payload": base64.b64encode(raw).decode()}}


def mark(name: str) -> dict[str, Any]:
    return {"event": "mark", "streamSid": "s", "mark": {"name": name}}


def test_a_mark_comes_back_when_the_audio_before_it_was_played() -> None:
    talk = person()
    talk.heard(speech(2.0), 1.0)
    talk.heard(mark("first"), 1.0)
    talk.heard(speech(1.0), 1.1)
    talk.heard(mark("second"), 1.1)
    assert talk.next_mark_at() == pytest.approx(3.0)
    assert talk.due(2.9) == []
    assert talk.due(3.0) == [Echo("first")]
    assert talk.due(3.9) == []
    assert talk.due(4.01) == [Echo("second")]


def test_a_mark_on_silence_comes_back_at_once() -> None:
    talk = person()
    talk.heard(mark("now"), 1.0)
    assert talk.due(1.0) == [Echo("now")]


def test_a_clear_flushes_the_audio_and_returns_its_marks() -> None:
    talk = person()
    talk.heard(speech(5.0), 0.0)
    talk.heard(mark("late"), 0.0)
    talk.heard({"event": "clear"}, 1.0)
    assert talk.due(1.0) == [Echo("late")]
    talk.heard(speech(1.0), 1.0)
    talk.heard(mark("next"), 1.0)
    assert talk.due(2.0) == [Echo("next")]


def test_a_key_is_pressed_once_after_the_played_mark_and_a_pause() -> None:
    talk = person("01")
    talk.heard(speech(2.0), 0.0)
    talk.heard(mark("asked"), 0.0)
    assert talk.due(2.0) == [Echo("asked")]
    assert talk.due(3.4) == []
    assert talk.due(3.5) == [Press("1")]
    talk.heard(speech(1.0), 4.0)
    talk.heard(mark("thanks"), 4.0)
    assert talk.due(8.0) == [Echo("thanks")]


def test_no_key_is_pressed_while_the_bot_goes_on() -> None:
    talk = person("02")
    talk.heard(speech(1.0), 0.0)
    talk.heard(mark("one"), 0.0)
    assert talk.due(1.0) == [Echo("one")]
    talk.heard(speech(2.0), 1.2)
    assert talk.due(3.0) == []
    assert talk.due(6.3) == [Press("2")]  # no mark after it: a longer pause


def test_an_echo_of_silence_is_not_speech() -> None:
    talk = person("01")
    for second in range(10):
        talk.heard(speech(1.0, peak=10), float(second))
        assert talk.due(float(second)) == []
    assert talk.due(10.0) == [HangUp()]


def test_a_listener_hangs_up_ten_seconds_after_the_bot_went_quiet() -> None:
    talk = person()
    talk.heard(speech(3.0), 0.0)
    assert talk.due(12.9) == []
    assert talk.due(13.0) == [HangUp()]
    assert talk.due(14.0) == []


def test_patience_at_high_speed_leaves_the_bot_two_seconds_of_wall_time() -> None:
    talk = person(speed=100.0)
    talk.heard(speech(3.0), 0.0)
    assert talk.due(202.9) == []
    assert talk.due(203.0) == [HangUp()]


def test_the_impatient_one_hangs_up_after_two_seconds() -> None:
    talk = person("20")
    talk.heard(speech(9.0), 0.0)
    assert talk.due(1.9) == []
    assert talk.due(2.0) == [HangUp()]


def test_the_silent_one_never_hangs_up() -> None:
    assert person("22").due(14_000.0) == []


def test_the_talker_talks_over_the_bot_and_ends_after_thirty_seconds() -> None:
    talk = person("21")
    assert [talk.speaking(second) for second in (0.5, 2.0, 4.0, 8.0)] == [False, True, False, True]
    talk.heard(speech(40.0), 0.0)
    assert talk.due(30.0) == [HangUp()]


def test_the_dropped_stream_ends_abruptly() -> None:
    assert person("50").due(4.0) == [HangUp(abrupt=True)]


def test_the_counts_say_what_the_bot_sent() -> None:
    talk = person()
    talk.heard(speech(0.2), 0.0)
    talk.heard({"event": "media", "media": {"payload": base64.b64encode(bytes(333)).decode()}}, 0.0)
    talk.heard({"event": "media", "media": {"payload": base64.b64encode(bytes(100_160)).decode()}}, 0.0)
    talk.heard({"event": "clear"}, 0.0)
    totals = talk.totals()
    assert totals["media"] == 3
    assert totals["bytes"] == 3200 + 333 + 100_160
    assert (totals["odd_chunks"], totals["small_chunks"], totals["large_chunks"]) == (1, 1, 1)
    assert totals["clears"] == 1


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["event", "media", "mark", "name"]), inner),
    max_leaves=8,
)


@given(JSON, st.sampled_from(["media", "mark", "clear", "stop", "?"]))
def test_whatever_a_bot_sends_is_survived(message: object, event: str) -> None:
    talk = person()
    talk.heard(message, 0.0)
    talk.heard({"event": event, "media": message, "mark": message}, 0.0)
    assert isinstance(talk.due(1.0), list)
    assert talk.counts.unreadable >= (not isinstance(message, dict))
