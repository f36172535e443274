"""PCM16 little-endian mono: framing, resampling, level, silence, speech or not, and reading an operator's WAV."""

from __future__ import annotations

import io
import math
import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np
import numpy.typing as npt
import soxr

from botbridge import g711

SAMPLE_BYTES: Final = 2
BLOCK: Final = 320
"""Bytes. Outbound chunks are multiples of it. Source: developer.exotel.com/docs/agentstream/developer-guide."""
CHUNK_MIN: Final = 3_200
CHUNK_MAX: Final = 100_000

SILENT: Final = -96.0
"""dBFS given to digital silence, the floor of 16 bits."""

WAV_SECONDS_MAX: Final = 300


Piece = bytes | memoryview
Wave = npt.NDArray[np.int16] | npt.NDArray[np.float32]


class WavError(ValueError):
    """An uploaded recording that cannot be played; the message is for the operator."""


def seconds(pcm_bytes: int, sample_rate: int) -> float:
    """How long so many bytes last."""
    return pcm_bytes / (SAMPLE_BYTES * sample_rate)


def silence(duration: float, sample_rate: int) -> bytes:
    """So many seconds of nothing."""
    return bytes(SAMPLE_BYTES * round(duration * sample_rate))


def padded(pcm: bytes) -> bytes:
    """The audio with silence appended until it may be sent: a multiple of 320 bytes and at least 3,200."""
    size = max(CHUNK_MIN, -(-len(pcm) // BLOCK) * BLOCK)
    return pcm + bytes(size - len(pcm))


def chunks(pcm: bytes, size: int) -> list[Piece]:
    """Cut audio into sendable chunks of `size` bytes, the rest joined to the last one or padded.

    `size` is a multiple of 320 between 3,200 and 96,000. A tail below the minimum rides with the chunk before
    it, so that no silence is inserted that the speaker did not make. All but the last are views: a recording of
    minutes is in memory once, however many people hear it.
    """
    cuts = list(range(size, len(pcm), size))
    if cuts and len(pcm) - cuts[-1] < CHUNK_MIN:
        cuts.pop()
    view = memoryview(pcm)
    pieces: list[Piece] = [view[start:end] for start, end in zip([0, *cuts], cuts, strict=False)]
    last = pcm[cuts[-1] if cuts else 0 :]
    return [*pieces, padded(last)] if last else pieces


class Reframer:
    """Collects audio of any frame size and gives it back in chunks of one size."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._held = bytearray()

    def push(self, pcm: bytes) -> list[bytes]:
        """The chunks that are complete now."""
        self._held += pcm
        whole = len(self._held) - len(self._held) % self._size
        ready = [bytes(self._held[at : at + self._size]) for at in range(0, whole, self._size)]
        del self._held[:whole]
        return ready

    def rest(self) -> bytes:
        """What is left over, at the end."""
        left = bytes(self._held)
        self._held.clear()
        return left


def samples(pcm: bytes) -> npt.NDArray[np.int16]:
    """The audio as an array; a stray last byte is left out."""
    return np.frombuffer(pcm, dtype="<i2", count=len(pcm) // SAMPLE_BYTES)


def level(pcm: bytes) -> float:
    """Loudness (RMS) in dBFS: 0 is as loud as 16 bits can be, SILENT is nothing at all."""
    wave = samples(pcm).astype(np.float32)
    if not wave.size:
        return SILENT
    return decibels(float(np.dot(wave, wave)) / wave.size)


def decibels(power: float) -> float:
    """The mean square of 16-bit samples as dBFS."""
    return max(SILENT, 10 * math.log10(power / 32768.0**2)) if power > 0 else SILENT


def resample(pcm: bytes, source_rate: int, target_rate: int) -> bytes:
    """The same audio at another sample rate (Hz)."""
    if source_rate == target_rate:
        return pcm
    return _resampled(samples(pcm), source_rate, target_rate).astype("<i2").tobytes()


def _resampled(wave: Wave, source_rate: int, target_rate: int) -> Wave:
    changed: Wave = soxr.resample(wave, source_rate, target_rate, quality="HQ")
    return changed


def trimmed(pcm: bytes, sample_rate: int, threshold: float = -50.0) -> bytes:
    """Without the silence around it, apart from 20 ms before and 100 ms after."""
    loud = np.flatnonzero(np.abs(samples(pcm).astype(np.int32)) > 32768 * 10 ** (threshold / 20))
    if not loud.size:
        return pcm
    first = max(0, int(loud[0]) - sample_rate // 50)
    last = int(loud[-1]) + sample_rate // 10
    return pcm[first * SAMPLE_BYTES : last * SAMPLE_BYTES]


# --- is somebody talking? -----------------------------------------------------------------------------------


class SpeechDetector:
    """Says when somebody starts and stops talking, by energy with hysteresis.

    Talk starts after 240 ms louder than both -38 dBFS and the line's own noise plus 12 dB; a cough, a click or
    a tone of a key is shorter. It ends after 600 ms below the noise plus 6 dB. The noise floor falls at once and climbs
    slowly (3 dB a second) while nobody talks, so a steady hum becomes noise. Talk has pauses: what is never quieter
    than some level for 3 s has that level for its floor, so a lorry or a television does not talk for ever.
    """

    STEP: Final = 0.02
    START_AFTER: Final = 0.24
    END_AFTER: Final = 0.60
    LOUD: Final = -38.0
    NO_PAUSE: Final = 3.0

    def __init__(self, sample_rate: int) -> None:
        self.talking = False
        self.floor = -60.0
        self._run = 0.0
        self._quietest = 0.0  # dBFS, of the stretch of talk that is looked at
        self._stretch = 0.0
        self._step_samples = round(self.STEP * sample_rate)
        self._held = b""

    def hear(self, pcm: bytes) -> bool:
        """Take audio in; True when `talking` has changed."""
        before = self.talking
        for loudness in self._levels(pcm):
            self._step(loudness)
        return self.talking != before

    def _levels(self, pcm: bytes) -> list[float]:
        """The level of each 20 ms that are complete now; computed together, for this runs for every frame of a call."""
        held = self._held + pcm if self._held else pcm
        size = self._step_samples * SAMPLE_BYTES
        whole = len(held) - len(held) % size
        self._held = held[whole:]
        waves = samples(held[:whole]).astype(np.float32).reshape(-1, self._step_samples)
        powers = np.einsum("ij,ij->i", waves, waves) / self._step_samples
        return [decibels(power) for power in powers.tolist()]

    def _step(self, loudness: float) -> None:
        if self.talking:
            self._look_for_pauses(loudness)
            ends = loudness < max(self.floor + 6, self.LOUD - 6)
            self._count(wanted=ends, limit=self.END_AFTER)
        else:
            starts = loudness > max(self.floor + 12, self.LOUD)
            self._count(wanted=starts, limit=self.START_AFTER)
            self.floor = max(-70.0, min(loudness, self.floor + 3 * self.STEP))

    def _look_for_pauses(self, loudness: float) -> None:
        self._quietest, self._stretch = min(self._quietest, loudness), self._stretch + self.STEP
        if self._stretch >= self.NO_PAUSE:
            self.floor = max(self.floor, self._quietest)
            self._quietest, self._stretch = 0.0, 0.0

    def _count(self, *, wanted: bool, limit: float) -> None:
        # One contrary frame costs two, instead of starting over: speech has gaps between its syllables.
        self._run = self._run + self.STEP if wanted else max(0.0, self._run - 2 * self.STEP)
        if self._run >= limit:
            self.talking = not self.talking
            self._run = self._stretch = self._quietest = 0.0


# --- an operator's recording --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Format:
    code: int
    channels: int
    rate: int
    bits: int


def read_wav(data: bytes, sample_rate: int, seconds_max: float = WAV_SECONDS_MAX) -> bytes:
    """An uploaded WAV (PCM of 8 to 32 bits, floats, A-law, μ-law; mono or stereo; any rate) as PCM16 at `sample_rate`.

    Raises WavError, in words for the operator.
    """
    shape, sound = _wav_parts(data)
    _check(shape)
    frame = shape.channels * shape.bits // 8
    count = len(sound) // frame
    if not count:
        raise WavError("The recording is empty.")
    if count / shape.rate > seconds_max:
        raise WavError(
            f"The recording lasts {count / shape.rate:.0f} seconds; at most {seconds_max:.0f} can be played."
        )
    floats = _READERS[shape.code, shape.bits](sound[: count * frame])
    wave: Wave = floats.reshape(count, shape.channels).mean(axis=1)
    if shape.rate != sample_rate:
        wave = _resampled(wave, shape.rate, sample_rate)
    return np.clip(np.rint(wave * 32768), -32768, 32767).astype("<i2").tobytes()


def _wav_parts(data: bytes) -> tuple[_Format, bytes]:
    if len(data) < 12 or data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise WavError("This is not a WAV file. Save the recording as WAV (PCM) and upload it again.")
    shape: _Format | None = None
    stream = io.BytesIO(data)
    stream.seek(12)
    while len(header := stream.read(8)) == 8:
        name, size = struct.unpack("<4sI", header)
        # Recorders that stream write 0 or 0xFFFFFFFF here; what follows is then the audio up to the end.
        body = stream.read(size if name != b"data" or 0 < size < 0xFFFFFFFF else -1)
        stream.read(size % 2)
        if name == b"fmt ":
            shape = _format(body)
        elif name == b"data" and shape:
            return shape, body
    raise WavError("The WAV file is damaged: it holds no audio. Save the recording again and upload it.")


def _format(body: bytes) -> _Format:
    if len(body) < 16:
        raise WavError("The WAV file is damaged: its header is cut off. Save the recording again.")
    code, channels, rate, _, _, bits = struct.unpack("<HHIIHH", body[:16])
    if code == 0xFFFE and len(body) >= 26:  # WAVE_FORMAT_EXTENSIBLE keeps the real code in its GUID
        code = struct.unpack("<H", body[24:26])[0]
    return _Format(code, channels, rate, bits)


def _check(shape: _Format) -> None:
    if (shape.code, shape.bits) not in _READERS:
        raise WavError("The WAV file is compressed. Save it as uncompressed PCM, 16 bits, and upload it again.")
    if shape.channels not in (1, 2):
        raise WavError(f"The recording has {shape.channels} channels; it must be mono or stereo.")
    if not 4_000 <= shape.rate <= 384_000:
        raise WavError(f"The recording has a sample rate of {shape.rate} Hz, which no recorder makes.")


# Samples between -1 and 1, channels still interleaved.


def _unsigned(sound: bytes) -> Wave:
    return (np.frombuffer(sound, dtype=np.uint8).astype(np.float32) - np.float32(128)) / np.float32(128)


def _whole(sound: bytes, bits: int) -> Wave:
    numbers: npt.NDArray[np.int32] = np.frombuffer(sound, dtype=f"<i{bits // 8}")
    return numbers.astype(np.float32) / np.float32(2 ** (bits - 1))


def _three_bytes(sound: bytes) -> Wave:
    bytes_of = np.frombuffer(sound, dtype=np.uint8).reshape(-1, 3)
    wide = np.zeros((len(bytes_of), 4), dtype=np.uint8)
    wide[:, 1:] = bytes_of
    return _whole(wide.tobytes(), 32)


def _fractions(sound: bytes, bits: int) -> Wave:
    numbers: npt.NDArray[np.float32] = np.frombuffer(sound, dtype=f"<f{bits // 8}").astype(np.float32)
    return np.nan_to_num(numbers, posinf=0, neginf=0)


_READERS: Final[dict[tuple[int, int], Callable[[bytes], Wave]]] = {
    (1, 8): _unsigned,
    (1, 16): partial(_whole, bits=16),
    (1, 24): _three_bytes,
    (1, 32): partial(_whole, bits=32),
    (3, 32): partial(_fractions, bits=32),
    (3, 64): partial(_fractions, bits=64),
    (6, 8): lambda sound: _whole(g711.decode_alaw(sound), 16),
    (7, 8): lambda sound: _whole(g711.decode(sound), 16),
}
"""By the format's code (WAVE_FORMAT_PCM, IEEE_FLOAT, ALAW, MULAW) and the bits of a sample."""
