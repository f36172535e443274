"""Audio that comes in pieces, as an echo or a voice makes it: no silence between them, and the vendor's rule kept."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from botbridge import g711
from botbridge.outbox import Outbox
from botbridge.protocol import SendMedia, encode
from botbridge.session import FLOW_PATIENCE, Session
from tests.botbridge.far_end import FarEnd
from tests.botbridge.test_audio import noise

MULAW = {"media_format": {"encoding": "audio/x-mulaw", "sample_rate": "8000"}}
SAID = noise(-20, 3)


def talk(**start: Any) -> FarEnd:
    far_end = FarEnd(Session(now=100.0))
    far_end.start(**start)
    return far_end


def flow(far_end: FarEnd, size: int) -> bytes:
    """What is sent when SAID comes in real time in pieces of so many bytes, and half a second after it."""
    sent = bytearray()
    for at in range(0, len(SAID), size):
        far_end.session.say(SAID[at : at + size], mark=False)
        sent += polled(far_end, size / 16_000)
    for _ in range(10):
        sent += polled(far_end, 0.05)
    return bytes(sent)


def polled(far_end: FarEnd, seconds: float) -> bytes:
    commands = [command for command in far_end.session.poll(far_end.now) if isinstance(command, SendMedia)]
    far_end.now += seconds
    far_end.sizes += [len(command.payload) for command in commands]
    return b"".join(base64.b64decode(json.loads(encode(command))["media"]["payload"]) for command in commands)


@pytest.mark.parametrize("size", [320, 441, 640, 3_200, 5_000, 40_000])
def test_pieces_of_any_size_are_sent_without_a_gap(size: int) -> None:
    far_end = talk()
    sent = flow(far_end, size)
    assert sent[: len(SAID)] == SAID
    assert sent[len(SAID) :] == bytes(len(sent) - len(SAID))
    assert len(sent) < len(SAID) + 3_200
    assert all(3_200 <= size <= 100_000 and size % 320 == 0 for size in far_end.sizes)


@pytest.mark.parametrize("size", [640, 3_200, 6_400])
def test_an_echo_in_mulaw_has_no_silence_in_it(size: int) -> None:
    far_end = talk(**MULAW)
    sent = flow(far_end, size)
    assert sent[: len(SAID) // 2] == g711.encode(SAID)
    assert len(sent) < len(SAID) // 2 + 3_200
    assert all(size >= 3_200 and size % 320 == 0 for size in far_end.sizes)


def test_the_end_of_a_flow_waits_for_more_and_then_goes_alone() -> None:
    far_end = talk()
    far_end.session.say(bytes(1_000), mark=False)
    assert polled(far_end, 0) == b""
    assert far_end.session.next_poll(far_end.now) == pytest.approx(FLOW_PATIENCE)
    far_end.now += FLOW_PATIENCE
    assert len(polled(far_end, 0)) == 3_200
    assert far_end.session.next_poll(far_end.now) > FLOW_PATIENCE


def test_what_is_said_whole_comes_behind_the_flow_and_a_hang_up_sends_the_rest() -> None:
    far_end = talk()
    far_end.session.say(b"\1\1" * 500, mark=False)
    far_end.session.say(b"\2\2" * 4_000)
    assert polled(far_end, 0).startswith(b"\1\1" * 500 + b"\2\2" * 4_000)
    far_end.session.say(b"\3\3" * 500, mark=False)
    far_end.session.hang_up()
    far_end.run(10)
    assert far_end.closed is not None
    assert far_end.sizes == [9_280, 3_200]


def test_a_barge_in_forgets_the_flow_too() -> None:
    far_end = talk()
    far_end.session.say(bytes(1_000), mark=False)
    assert far_end.session.interrupt(far_end.now) == pytest.approx(1_000 / 16_000)
    assert polled(far_end, 1) == polled(far_end, 1) == b""


def test_a_long_recording_is_in_memory_once() -> None:
    outbox, recording = Outbox(8_000), bytes(16_000 * 300)
    outbox.say(recording)
    assert isinstance(outbox.first, memoryview)
    assert outbox.first.obj is recording
    assert outbox.bytes == len(recording)
