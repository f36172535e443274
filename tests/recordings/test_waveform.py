"""Peaks of real files."""

import io
import struct

import pytest

from campaigns.recordings.waveform import POINTS, NotAudio, Waveform, measure
from tests.recordings.far_end import sound


def peaks_of(data: bytes) -> Waveform:
    return measure(io.BytesIO(data))


@pytest.mark.parametrize("kind", ["WAV", "WAVEX", "MP3"])
def test_each_channel_has_its_own_peaks(kind: str) -> None:
    found = peaks_of(sound(4, kind=kind))
    left, right = found.peaks
    assert found.channels == 2
    assert found.seconds == pytest.approx(4, abs=0.15)
    assert left[len(left) // 4] == pytest.approx(80, abs=8)
    assert right[len(right) // 4] == pytest.approx(40, abs=8)
    assert max(left[5 * len(left) // 8 :]) <= 3


def test_a_long_recording_has_800_points_and_a_short_one_no_more_than_it_has_samples() -> None:
    assert len(peaks_of(sound(30, channels=1)).peaks[0]) == POINTS
    assert len(peaks_of(sound(0.005, channels=1)).peaks[0]) == 40


def test_a_loud_click_between_two_points_is_seen() -> None:
    data = bytearray(sound(20, channels=1))
    data[44 + 2 * 100_003 : 44 + 2 * 100_003 + 2] = struct.pack("<h", 32767)
    assert max(peaks_of(bytes(data)).peaks[0]) == 100


@pytest.mark.parametrize("data", [b"", b"ID3", b"RIFF\0\0\0\0WAVE", b"\xff\xfb\x90\0" + bytes(50), sound()[:44]])
def test_what_no_decoder_reads_is_told(data: bytes) -> None:
    with pytest.raises(NotAudio):
        peaks_of(data)


def test_a_file_that_broke_off_is_drawn_as_far_as_it_goes() -> None:
    assert 0 < peaks_of(sound(4)[:20_000]).seconds < 1
