"""The loudest of each part of a recording, per channel: what the page draws. Made once, when it is stored.

libsndfile (through soundfile) reads WAV in all its encodings (16-bit, mu-law, extensible) and MP3, block by block.
"""

from dataclasses import dataclass
from typing import IO, Any

import numpy as np
import numpy.typing as npt
import soundfile
from django.core.files.base import File

POINTS = 800
BLOCK_SECONDS = 5
LONGEST = 5 * 3600  # seconds; Exotel's longest call is four hours
MOST_CHANNELS = 8


class NotAudio(Exception):
    """No decoder reads it as sound; the words say why."""


@dataclass(frozen=True, slots=True)
class Waveform:
    """`peaks` has one list a channel: the loudest of each part, 0 to 100 per cent of full scale."""

    channels: int
    seconds: float
    peaks: list[list[int]]


def measure(file: "IO[bytes] | File[Any]") -> Waveform:
    """Decode a whole recording, a few seconds at a time. Raises NotAudio."""
    try:
        with soundfile.SoundFile(file) as sound:
            return _measure(sound)
    except (soundfile.SoundFileError, RuntimeError, ValueError, TypeError) as trouble:
        raise NotAudio(f"it could not be decoded: {trouble}") from trouble


def _measure(sound: soundfile.SoundFile) -> Waveform:
    if not 0 < sound.channels <= MOST_CHANNELS or sound.frames > LONGEST * sound.samplerate:
        raise NotAudio(f"{sound.channels} channels, {sound.frames} frames: not a recorded call")
    # An MP3's header only guesses its length, so the parts are cut finer and put together when it is known.
    step = max(1, sound.frames // (4 * POINTS))
    block = max(step, BLOCK_SECONDS * sound.samplerate // step * step)
    fine: list[npt.NDArray[np.float32]] = []
    frames = 0
    while len(samples := sound.read(block, dtype="float32", always_2d=True)):
        frames += len(samples)
        if frames > LONGEST * sound.samplerate:
            raise NotAudio("it is longer than any call")
        fine.append(_loudest(samples, step))
    if not frames:
        raise NotAudio("it holds no sound")
    peaks = _condense(np.concatenate(fine), POINTS)
    whole = np.clip(np.rint(peaks * 100), 0, 100).astype(int)
    return Waveform(sound.channels, frames / sound.samplerate, whole.T.tolist())


def _loudest(samples: npt.NDArray[np.float32], step: int) -> npt.NDArray[np.float32]:
    """(frames, channels) to (parts, channels): the largest magnitude of each `step` frames."""
    magnitude = np.nan_to_num(np.abs(samples), nan=0.0, posinf=1.0)
    return np.maximum.reduceat(magnitude, np.arange(0, len(magnitude), step), axis=0)


def _condense(parts: npt.NDArray[np.float32], points: int) -> npt.NDArray[np.float32]:
    """At most `points` rows, each the largest of the rows that fall into it."""
    if len(parts) <= points:
        return parts
    starts = (np.arange(points) * len(parts)) // points
    return np.maximum.reduceat(parts, starts, axis=0)
