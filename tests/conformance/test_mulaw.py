"""μ-law, which the vendor's pages name as a default and nobody has captured: spoken when the start says so."""

import base64
import json
import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botbridge import g711
from botbridge.protocol import Media, SendMedia, encode
from botbridge.session import Session
from tests.botbridge.far_end import FarEnd, media_frame

MULAW = {"media_format": {"encoding": "audio/x-mulaw;rate=8000", "sample_rate": "8000", "bit_rate": "8"}}


def tone(seconds: float) -> bytes:
    samples = [round(12_000 * math.sin(2 * math.pi * 440 * n / 8000)) for n in range(int(seconds * 8000))]
    return struct.pack(f"<{len(samples)}h", *samples)


def loudest_difference(one: bytes, other: bytes) -> int:
    form = f"<{len(one) // 2}h"
    pairs: list[tuple[int, int]] = list(zip(struct.unpack(form, one), struct.unpack(form, other), strict=True))
    return max(abs(a - b) for a, b in pairs)


def test_a_stream_that_says_mulaw_is_heard_and_answered_in_mulaw() -> None:
    session = Session(now=100.0)
    far = FarEnd(session)
    far.start(**MULAW)
    spoken = tone(0.02)
    heard = session.receive(media_frame(g711.encode(spoken)), far.now)
    assert isinstance(heard, Media)
    assert len(g711.encode(spoken)) == 160
    assert loudest_difference(heard.payload, spoken) < 500

    said = tone(1.1)
    session.say(said)
    sent = [command for command in session.poll(far.now) if isinstance(command, SendMedia)]
    sizes = [len(command.payload) for command in sent]
    assert all(3_200 <= size <= 100_000 and size % 320 == 0 for size in sizes)
    audio = b"".join(g711.decode(base64.b64decode(json.loads(encode(command))["media"]["payload"])) for command in sent)
    assert loudest_difference(audio[: len(said)], said) < 500
    assert audio[len(said) :] == bytes(len(audio) - len(said))
    assert session.unheard(far.now) == pytest.approx(len(audio) / 16_000)


@pytest.mark.parametrize("encoding", ["base64", "audio/x-raw", "", "audio/l16", "mulawish"])
def test_anything_else_is_pcm(encoding: str) -> None:
    session = Session(now=100.0)
    far = FarEnd(session)
    far.start(media_format={"encoding": encoding, "sample_rate": "8000"})
    heard = session.receive(media_frame(tone(0.02)), far.now)
    assert isinstance(heard, Media)
    assert heard.payload == tone(0.02)
    session.say(tone(0.5))
    assert [len(command.payload) for command in session.poll(far.now) if isinstance(command, SendMedia)] == [8000]


# Values of the standard's own table (ITU-T G.711, table 2b).
@pytest.mark.parametrize(
    ("code", "sample"),
    [(0xFF, 0), (0x7F, 0), (0x80, 32_124), (0x00, -32_124), (0xEF, 132), (0x6F, -132), (0xFE, 8), (0x7E, -8)],
)
def test_codes_have_the_values_of_the_standard(code: int, sample: int) -> None:
    assert struct.unpack("<h", g711.decode(bytes([code]))) == (sample,)


def test_every_code_comes_back_but_the_second_zero() -> None:
    codes = bytes(range(256))
    again = g711.encode(g711.decode(codes))
    assert [(had, got) for had, got in zip(codes, again, strict=True) if had != got] == [(0x7F, 0xFF)]


@given(st.binary(max_size=4_000))
def test_any_bytes_are_audio(heard: bytes) -> None:
    assert len(g711.decode(heard)) == 2 * len(heard)
    assert len(g711.encode(g711.decode(heard))) == len(heard)
