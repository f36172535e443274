"""The frames of the media stream, byte by byte, and their cadence at every speed."""

import base64
import json

import pytest

from dialer.simulator.frames import Frames, cadence, sample_rate, silence, voice
from dialer.simulator.identity import leg_sid
from dialer.simulator.options import Options
from dialer.simulator.streams import Stream
from tests.simulator.clock import Clock


@pytest.fixture
def frames() -> Frames:
    clock = Clock(Options())
    call = clock.connect("+919000000001")
    return Frames(call, "acct", "s" * 32, leg_sid(call.sid))


def test_the_captured_sizes_come_out(frames: Frames) -> None:
    """22 and 90 bytes as captured; start and stop differ only by the length of the account's name."""
    assert len(frames.connected()) == 22
    assert frames.mark("mark_1") == '{"event":"mark","stream_sid":"' + "s" * 32 + '","mark":{"name":"mark_1"}}\n'


def test_the_start_omits_empty_parameters_and_counts_from_one(frames: Frames) -> None:
    text = frames.start({}, 8000)
    assert text.endswith("\n")
    message = json.loads(text)
    assert list(message) == ["event", "stream_sid", "sequence_number", "start"]
    assert message["sequence_number"] == "1"
    assert list(message["start"]) == [
        "stream_sid",
        "call_sid",
        "leg_sid",
        "account_sid",
        "from",
        "to",
        "media_format",
    ]
    assert message["start"]["media_format"] == {
        "encoding": "base64",
        "sample_rate": "8000",
        "bit_rate": "128kbps",
    }
    assert json.loads(frames.start({"a": "b"}, 16000))["start"]["custom_parameters"] == {"a": "b"}


def test_media_frames_count_chunks_and_sequence_as_strings(frames: Frames) -> None:
    frames.start({}, 8000)
    first = frames.media(silence(320), 20.0)
    assert json.dumps(json.loads(first), separators=(",", ":")) + "\n" == first
    assert json.loads(first)["media"] == {"chunk": "1", "timestamp": "20", "payload": silence(320)}
    assert json.loads(frames.dtmf("5"))["sequence_number"] == "3"
    assert json.loads(frames.media(silence(320), 40.0))["media"]["chunk"] == "2"


def test_the_stop_says_what_every_capture_says(frames: Frames) -> None:
    assert json.loads(frames.stop())["stop"]["reason"] == "canceled or call ended"


def test_the_query_is_stripped_and_delivered() -> None:
    stream = Stream("s", "c", "wss://u:p@bot.example:8443/ws/t/?sample-rate=16000&k=")
    assert stream.handshake_url == "wss://u:p@bot.example:8443/ws/t/"
    assert stream.public_url == "wss://bot.example:8443/ws/t/?sample-rate=16000&k="
    parameters = stream.parameters
    assert parameters == {"sample-rate": "16000", "k": ""}
    assert (sample_rate(parameters), sample_rate({"sample-rate": "11025"}), sample_rate({})) == (16000, 8000, 8000)


def test_at_speed_one_a_frame_is_as_captured() -> None:
    assert (cadence(8000, 20, 1.0).wall, cadence(8000, 20, 1.0).size) == (0.02, 320)
    assert (cadence(8000, 100, 1.0).wall, cadence(8000, 100, 1.0).size) == (0.1, 1600)
    assert cadence(16000, 20, 1.0).size == 640


@pytest.mark.parametrize("speed", [0.5, 1, 2, 3, 7, 20, 50, 100, 1000])
@pytest.mark.parametrize("rate", [8000, 16000, 24000])
@pytest.mark.parametrize("frame_ms", [20, 100])
def test_frames_stay_within_the_rules_at_any_speed(speed: float, rate: int, frame_ms: int) -> None:
    cut = cadence(rate, frame_ms, speed)
    assert cut.size % 320 == 0
    assert 0 < cut.size <= 100_000
    assert cut.wall >= 0.02
    assert cut.carrier_ms == pytest.approx(cut.wall * 1000 * speed)
    if speed <= 100 and rate == 8000:
        assert cut.size == pytest.approx(cut.carrier_ms * rate * 2 / 1000, abs=1)


def test_synthetic_audio_has_its_size() -> None:
    assert base64.b64decode(silence(640)) == bytes(640)
    assert len(base64.b64decode(voice(640, 8000))) == 640
