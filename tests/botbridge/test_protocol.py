"""Frames as captured from real calls, as the vendor's guide shows them, and as nobody should send them."""

from __future__ import annotations

import base64
import json
import random
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from botbridge.protocol import (
    Close,
    Connected,
    Dtmf,
    Event,
    Mark,
    Media,
    ProtocolError,
    SendClear,
    SendMark,
    SendMedia,
    Start,
    Stop,
    decode,
    encode,
)
from tests.botbridge.far_end import dtmf_frame, line, mark_frame, media_frame, start_frame, stop_frame

GUIDE_START = {
    "event": "start",
    "sequence_number": "1",
    "stream_sid": "MZ1",
    "start": {
        "stream_sid": "MZ1",
        "call_sid": "CA1",
        "account_sid": "AC1",
        "from": "+919876543210",
        "to": "+918047491899",
        "custom_parameters": {"key1": "value1"},
        "media_format": {"encoding": "audio/x-raw", "sample_rate": "16000", "bit_rate": "16"},
    },
}

HONEST = [
    '{"event":"connected"}\n',
    start_frame(),
    json.dumps(GUIDE_START),
    media_frame(bytes(320)),
    dtmf_frame("5"),
    mark_frame("m1"),
    stop_frame(),
]


def read(frame: str | bytes) -> Event | None:
    """Decode, with a ProtocolError being as good an answer as any."""
    try:
        return decode(frame)
    except ProtocolError:
        return None


def test_the_captured_lines_are_read() -> None:
    assert decode('{"event":"connected"}\n') == Connected()
    start = decode(start_frame())
    assert isinstance(start, Start)
    assert (start.account_sid, start.caller, start.sample_rate, start.sequence) == ("acct", "09812345678", 8000, 1)
    assert start.custom_parameters == {}
    assert decode(media_frame(b"\1\2" * 160)) == Media(b"\1\2" * 160, timestamp=20, chunk=1, sequence=2)
    assert decode(dtmf_frame("#")) == Dtmf("#", 200, 7)
    assert decode(mark_frame("m1")) == Mark("m1")
    assert decode(stop_frame()) == Stop("canceled or call ended")


def test_the_guides_start_is_read() -> None:
    start = decode(json.dumps(GUIDE_START))
    assert isinstance(start, Start)
    assert (start.stream_sid, start.sample_rate, start.custom_parameters) == ("MZ1", 16000, {"key1": "value1"})


def test_camel_case_and_real_numbers_are_read_like_snake_case_and_text() -> None:
    camel = {
        "event": "start",
        "streamSid": "S",
        "sequenceNumber": 1,
        "start": {
            "callSid": "C",
            "accountSid": "A",
            "customParameters": {"a": 1},
            "mediaFormat": {"sampleRate": 24000},
        },
    }
    assert decode(line(camel)) == Start("S", "C", "A", sample_rate=24000, custom_parameters={"a": "1"}, sequence=1)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ({"41.abc": ""}, {"41.abc": ""}),  # CustomField arrives as a key alone
        ({"41.abc": None}, {"41.abc": ""}),
        ("41.abc", {"41.abc": ""}),
        ('{"41.abc":"","a":1}', {"41.abc": "", "a": "1"}),  # packed into JSON, as Passthru's Stream may be
        ('{"41.abc"', {'{"41.abc"': ""}),
        ("[1]", {"[1]": ""}),
        ("", {}),
        (None, {}),
        ([1, 2], {}),
        ({"a": {"b": 1}, "": "x"}, {"a": ""}),
    ],
)
def test_custom_parameters_come_as_text_whatever_their_shape(written: object, meant: dict[str, str]) -> None:
    start = decode(start_frame(custom_parameters=written))
    assert isinstance(start, Start)
    assert start.custom_parameters == meant


@pytest.mark.parametrize("rate", ["8k", "44100", -8000, None, True, 1e400, "9" * 5000, {}, "٨٠٠٠"])
def test_a_sample_rate_nobody_documents_is_unknown(rate: object) -> None:
    start = decode(start_frame(media_format={"sample_rate": rate}))
    assert isinstance(start, Start)
    assert start.sample_rate == 0


def test_text_is_cut_and_cleaned_to_what_a_table_can_hold() -> None:
    start = decode('{"event":"start","start":{"call_sid":"a\\u0000b\\ud800c' + "x" * 900 + '"}}')
    assert isinstance(start, Start)
    assert start.call_sid.startswith("abcx")
    assert len(start.call_sid.encode()) <= 64


def test_events_we_do_not_know_are_passed_over() -> None:
    assert decode('{"event":"quality_report","x":1}') is None


@pytest.mark.parametrize(
    ("frame", "problem"),
    [
        ("", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ('{"event":"media","sequence_number":' + "9" * 5000 + "}", "not JSON"),
        ('"connected"', "not an object"),
        ("{}", "no event name"),
        ('{"event":7}', "no event name"),
        (b"\xff\xfe", "binary frame"),
        (b"{\xff}", "not JSON"),
        ('{"event":"media"}', "media without payload"),
        ('{"event":"media","media":{"payload":7}}', "media without payload"),
        ('{"event":"media","media":{"payload":"????"}}', "payload is not base64"),
        ('{"event":"media","media":{"payload":"AAAA\\u0660"}}', "payload is not base64"),
        ('{"event":"dtmf","dtmf":{"digit":"55"}}', "dtmf without a key"),
        ('{"event":"dtmf"}', "dtmf without a key"),
        ('{"event":"mark","mark":[]}', "mark without a name"),
    ],
)
def test_what_cannot_be_used_is_named(frame: str | bytes, problem: str) -> None:
    with pytest.raises(ProtocolError) as refused:
        decode(frame)
    assert refused.value.problem == problem


@pytest.mark.parametrize(
    "written",
    [
        '"dtmf":{"digit":5}',
        '"dtmf":{"digits":"5"}',
        '"dtmf":{"digit":"\\"5\\""}',
        '"dtmf":"5"',
        '"dtmf":5',
        '"digit":"5"',
    ],
)
def test_a_key_is_read_wherever_it_stands(written: str) -> None:
    assert decode('{"event":"dtmf",' + written + "}") == Dtmf("5")


def test_json_in_a_binary_frame_is_read_like_text() -> None:
    assert decode(b'{"event":"dtmf","dtmf":{"digit":"5"}}') == Dtmf("5")


def test_base64_cut_into_lines_is_read() -> None:
    audio = bytes(range(256)) * 2
    frame = {"event": "media", "media": {"payload": base64.encodebytes(audio).decode()}}
    assert decode(line(frame)) == Media(audio)


def test_commands_are_written_in_snake_case() -> None:
    assert json.loads(encode(SendMedia('S"1', b"\1\2"))) == {
        "event": "media",
        "stream_sid": 'S"1',
        "media": {"payload": base64.b64encode(b"\1\2").decode()},
    }
    assert json.loads(encode(SendMark("S", 'm"'))) == {"event": "mark", "stream_sid": "S", "mark": {"name": 'm"'}}
    assert json.loads(encode(SendClear("S"))) == {"event": "clear", "stream_sid": "S"}
    assert Close(1000, "").by == "bot"


def test_what_we_write_the_reader_reads() -> None:
    assert decode(encode(SendMedia("S", b"\1\2\3\4"))) == Media(b"\1\2\3\4")
    assert decode(encode(SendMark("S", "m9"))) == Mark("m9")


# --- hostile ------------------------------------------------------------------------------------------------

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["8000", "9" * 30])
keys = st.sampled_from(
    [
        *("event", "stream_sid", "streamSid", "start", "media", "dtmf", "mark", "stop", "payload", "digit", "name"),
        *("media_format", "sample_rate", "custom_parameters", "sequence_number", "timestamp", "reason", "x"),
    ]
)
trees = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4), max_leaves=12
)
kinds = st.sampled_from(["connected", "start", "media", "dtmf", "mark", "stop", "other"])


@settings(max_examples=400, deadline=None)
@given(st.text() | st.binary())
@example("\ud800")
@example("NaN")
@example('{"event":"media","sequence_number":Infinity,"media":{"payload":"AAA=","timestamp":-Infinity}}')
def test_no_text_and_no_bytes_raise_anything_but_a_protocol_error(frame: str | bytes) -> None:
    assert isinstance(read(frame), Event | None)


@settings(max_examples=600, deadline=None)
@given(kinds, st.dictionaries(keys, trees, max_size=5))
def test_no_json_raises_anything_but_a_protocol_error(kind: str, body: dict[str, object]) -> None:
    assert isinstance(read(json.dumps({**body, "event": kind})), Event | None)


def mutated(chance: random.Random) -> str:
    """An honest frame with some bytes changed, doubled, removed or cut off."""
    frame = bytearray(chance.choice(HONEST).encode())
    for _ in range(chance.randint(1, 6)):
        place = chance.randrange(len(frame) or 1)
        match chance.randrange(5):
            case 0:
                frame[place : place + 1] = bytes([chance.randrange(256)])
            case 1:
                del frame[place : place + chance.randint(1, 9)]
            case 2:
                frame[place:place] = chance.choice([b'"', b"{", b"[", b"9" * 40, b"\\ud800", b"\\u0000", b"null", b","])
            case 3:
                frame[place:place] = frame[place : place + 20]
            case _:
                del frame[place + 1 :]
    return frame.decode("utf-8", "surrogateescape")


def test_three_thousand_mutated_frames_raise_nothing_else_and_cost_little() -> None:
    chance = random.Random(20261120)
    frames = [mutated(chance) for _ in range(3_000)]
    began = time.process_time()
    events = [read(frame) for frame in frames]
    assert time.process_time() - began < 3
    assert any(events)
    assert not all(events)
