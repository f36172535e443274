"""PCM16: level, framing, resampling, telling speech from noise, and reading what operators upload."""

from __future__ import annotations

import contextlib
import io
import struct
import wave

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from botbridge import audio, g711


def tone(hertz: float, seconds: float, rate: int = 8000, amplitude: float = 0.5) -> bytes:
    moments = np.arange(round(seconds * rate)) / rate
    return (np.sin(2 * np.pi * hertz * moments) * amplitude * 32767).astype("<i2").tobytes()


def noise(dbfs: float, seconds: float, seed: int = 1) -> bytes:
    samples = np.random.default_rng(seed).normal(0, 32768 * 10 ** (dbfs / 20), round(seconds * 8000))
    return np.clip(samples, -32768, 32767).astype("<i2").tobytes()


def wav(pcm: bytes, *, width: int = 2, channels: int = 1, rate: int = 8000) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(channels)
        out.setsampwidth(width)
        out.setframerate(rate)
        out.writeframes(pcm)
    return file.getvalue()


def test_the_level_of_a_full_sine_is_three_decibels_under_full_scale() -> None:
    assert audio.level(tone(400, 1, amplitude=1)) == pytest.approx(-3.01, abs=0.05)
    assert audio.level(bytes(320)) == audio.SILENT
    assert audio.level(b"") == audio.SILENT


def test_resampling_keeps_the_length_and_the_level() -> None:
    wide = audio.resample(tone(400, 1), 8000, 24000)
    assert len(wide) == 48_000
    assert audio.level(wide) == pytest.approx(audio.level(tone(400, 1)), abs=0.1)


def test_a_reframer_gives_back_all_it_got_in_pieces_of_one_size() -> None:
    frames = audio.Reframer(3_200)
    said = tone(400, 1)
    given_back = [piece for at in range(0, len(said), 320) for piece in frames.push(said[at : at + 320])]
    assert {len(piece) for piece in given_back} == {3_200}
    assert b"".join(given_back) + frames.rest() == said


def test_trimming_takes_the_silence_around_a_word() -> None:
    said = audio.silence(0.5, 8000) + tone(400, 1) + audio.silence(1, 8000)
    assert audio.seconds(len(audio.trimmed(said, 8000)), 8000) == pytest.approx(1.12, abs=0.01)
    assert audio.trimmed(bytes(320), 8000) == bytes(320)


# --- speech or not ------------------------------------------------------------------------------------------


def changes(pcm: bytes, frame: int = 320) -> list[tuple[float, bool]]:
    """When a detector changes its mind, in seconds, and to what."""
    detector, found = audio.SpeechDetector(8000), []
    for at in range(0, len(pcm), frame):
        if detector.hear(pcm[at : at + frame]):
            found.append((audio.seconds(at + frame, 8000), detector.talking))
    return found


def test_a_sentence_is_heard_soon_and_ends_once() -> None:
    heard = changes(audio.silence(1, 8000) + noise(-20, 2) + audio.silence(2, 8000))
    assert [talking for _, talking in heard] == [True, False]
    assert heard[0][0] == pytest.approx(1.25, abs=0.05)
    assert heard[1][0] == pytest.approx(3.6, abs=0.1)


def test_gaps_between_words_do_not_end_a_sentence() -> None:
    word = noise(-20, 0.4) + audio.silence(0.2, 8000)
    said = audio.silence(1, 8000) + word * 6 + audio.silence(1, 8000)
    assert [talking for _, talking in changes(said)] == [True, False]


def test_a_click_and_a_key_tone_are_no_speech() -> None:
    click = tone(1000, 0.05, amplitude=0.9) + audio.silence(1, 8000)
    key = tone(770, 0.2) + audio.silence(1, 8000)
    assert changes(audio.silence(1, 8000) + click + key + click) == []


def test_a_noisy_street_is_no_speech_but_somebody_louder_is() -> None:
    street = noise(-45, 10)
    assert changes(street) == []
    assert [talking for _, talking in changes(street + noise(-18, 1, seed=2) + street)] == [True, False]


def test_a_lorry_does_not_talk_for_ever_and_somebody_louder_is_heard_beside_it() -> None:
    lorry = noise(-30, 15)
    heard = changes(audio.silence(1, 8000) + lorry + noise(-12, 1, seed=2) + lorry[:32_000])
    assert [talking for _, talking in heard] == [True, False, True, False]
    assert heard[1][0] == pytest.approx(4.9, abs=0.2)


def test_a_hum_that_stays_becomes_noise_in_the_end() -> None:
    assert changes(audio.silence(1, 8000) + noise(-39.5, 20)) == []


@pytest.mark.parametrize("frame", [320, 1600, 3200, 322])
def test_the_frame_size_of_the_carrier_does_not_matter(frame: int) -> None:
    said = audio.silence(1, 8000) + noise(-20, 1) + audio.silence(1, 8000)
    assert [talking for _, talking in changes(said, frame)] == [True, False]


# --- recordings ---------------------------------------------------------------------------------------------


def as_width(pcm: bytes, width: int) -> bytes:
    samples = np.frombuffer(pcm, "<i2").astype(np.int64)
    if width == 1:
        return ((samples >> 8) + 128).astype(np.uint8).tobytes()
    wide = (samples << (8 * (width - 2))).astype("<i8").view(np.uint8).reshape(-1, 8)
    return wide[:, :width].tobytes()


@pytest.mark.parametrize("width", [1, 2, 3, 4])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate", [8000, 22050, 44100])
def test_every_pcm_wav_becomes_16_bit_mono_at_the_lines_rate(width: int, channels: int, rate: int) -> None:
    mono = np.frombuffer(tone(400, 1, rate), "<i2")
    said = np.repeat(mono, channels).tobytes()
    heard = audio.read_wav(wav(as_width(said, width), width=width, channels=channels, rate=rate), 8000)
    assert audio.seconds(len(heard), 8000) == pytest.approx(1, abs=0.01)
    assert audio.level(heard) == pytest.approx(audio.level(tone(400, 1)), abs=0.3)


def test_sixteen_bit_mono_at_the_right_rate_is_left_as_it_is() -> None:
    said = tone(400, 0.5)
    assert audio.read_wav(wav(said), 8000) == said


def test_a_recorders_streamed_wav_with_unknown_length_is_read() -> None:
    said = tone(400, 0.5)
    file = bytearray(wav(said))
    file[40:44] = b"\xff\xff\xff\xff"
    assert audio.read_wav(bytes(file), 8000) == said


def wav_of(code: int, bits: int, sound: bytes) -> bytes:
    """A mono file at 8 kHz in a format that Python's own module does not write."""
    form = struct.pack("<HHIIHH", code, 1, 8000, 8000 * bits // 8, bits // 8, bits)
    chunks = b"fmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(sound)) + sound
    return b"RIFF" + struct.pack("<I", len(chunks) + 4) + b"WAVE" + chunks


def test_what_telephone_exchanges_and_audio_editors_save_is_read() -> None:
    said = tone(400, 0.5)
    fractions = np.frombuffer(said, "<i2").astype("<f4") / 32768
    for file in (
        wav_of(3, 32, fractions.tobytes()),
        wav_of(3, 64, fractions.astype("<f8").tobytes()),
        wav_of(7, 8, g711.encode(said)),
    ):
        heard = audio.read_wav(file, 8000)
        assert len(heard) == len(said)
        assert audio.level(heard) == pytest.approx(audio.level(said), abs=0.1)


def test_alaw_has_the_values_of_the_standard() -> None:
    heard = audio.read_wav(wav_of(6, 8, bytes([0xD5, 0x55, 0xAA, 0x2A])), 8000)
    assert struct.unpack("<4h", heard) == (8, -8, 32_256, -32_256)


def test_fractions_that_are_no_numbers_are_silence() -> None:
    odd = struct.pack("<4f", float("nan"), float("inf"), float("-inf"), 9e9)
    assert struct.unpack("<4h", audio.read_wav(wav_of(3, 32, odd), 8000)) == (0, 0, 0, 32_767)


def test_an_extensible_wav_with_other_chunks_is_read() -> None:
    said = tone(400, 0.5)
    form = struct.pack("<HHIIHHHHI", 0xFFFE, 1, 8000, 16000, 2, 16, 22, 16, 4) + b"\1\0" + bytes(14)
    body = b"LIST" + struct.pack("<I", 3) + b"abc\0" + b"fmt " + struct.pack("<I", len(form)) + form
    body += b"data" + struct.pack("<I", len(said)) + said
    assert audio.read_wav(b"RIFF" + struct.pack("<I", len(body) + 4) + b"WAVE" + body, 8000) == said


@pytest.mark.parametrize(
    ("file", "words"),
    [
        (b"", "not a WAV"),
        (b"ID3\4" + bytes(100), "not a WAV"),
        (wav(b""), "empty"),
        (wav(tone(400, 0.1))[:30], "damaged"),
        (wav(tone(400, 0.1)).replace(b"data", b"dada"), "damaged"),
        (wav(bytes(6), channels=3), "3 channels"),
        (wav(bytes(2), rate=100), "100 Hz"),
        (wav(tone(400, 0.1)).replace(b"\x01\x00\x01\x00\x40\x1f", b"\x07\x00\x01\x00\x40\x1f"), "compressed"),
        (wav(bytes(301 * 16_000)), "301 seconds"),
    ],
)
def test_a_recording_that_cannot_be_played_is_refused_in_words(file: bytes, words: str) -> None:
    with pytest.raises(audio.WavError, match=words):
        audio.read_wav(file, 8000)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 60), st.binary(max_size=12), st.integers(0, 200))
def test_no_damaged_wav_raises_anything_but_a_wav_error(at: int, bytes_in: bytes, cut: int) -> None:
    file = bytearray(wav(tone(400, 0.01)))
    file[at : at + len(bytes_in)] = bytes_in
    read = b"\0\0"
    with contextlib.suppress(audio.WavError):
        read = audio.read_wav(bytes(file[: len(file) - cut]), 8000)
    assert read
    assert len(read) % 2 == 0
