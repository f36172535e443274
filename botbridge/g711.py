"""μ-law (ITU-T G.711), for a far side whose start says so; everywhere else audio is PCM16.

The vendor's pages name μ-law as a default beside PCM (docs.exotel.com, quick guide to streaming); no captured
AgentStream call had it.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

ENCODINGS: Final = frozenset(
    {"audio/x-mulaw", "audio/mulaw", "audio/x-ulaw", "audio/ulaw", "audio/pcmu", "mulaw", "ulaw", "pcmu"}
)
BLOCK: Final = 6_400
"""Bytes of PCM16 that become 3,200 bytes of μ-law, the smallest chunk that may be sent."""
_BIAS: Final = 0x84
_CLIP: Final = 32_635


def _decoding() -> npt.NDArray[np.int16]:
    code = ~np.arange(256, dtype=np.int32) & 0xFF
    size = (((code & 0x0F) << 3) + _BIAS) << ((code >> 4) & 0x07)
    return np.where(code & 0x80, _BIAS - size, size - _BIAS).astype("<i2")


def _decoding_alaw() -> npt.NDArray[np.int16]:
    code = np.arange(256, dtype=np.int32) ^ 0x55
    exponent = (code >> 4) & 0x07
    size = ((code & 0x0F) << 4) + 8 + np.where(exponent, 0x100, 0)
    size <<= np.maximum(exponent - 1, 0)
    return np.where(code & 0x80, size, -size).astype("<i2")


def _encoding() -> npt.NDArray[np.uint8]:
    """The code of every sample, looked up by its 16 bits as they are."""
    sample = np.arange(65_536, dtype=np.uint16).view(np.int16).astype(np.int32)
    size = np.minimum(np.abs(sample), _CLIP) + _BIAS
    exponent = np.floor(np.log2(size)).astype(np.int32) - 7
    code = (exponent << 4) | ((size >> (exponent + 3)) & 0x0F)
    signed = code | np.where(sample < 0, 0x80, 0)
    table: npt.NDArray[np.uint8] = (~signed & 0xFF).astype(np.uint8)
    return table


_DECODED: Final[npt.NDArray[np.int16]] = _decoding()
_DECODED_ALAW: Final[npt.NDArray[np.int16]] = _decoding_alaw()
_ENCODED: Final[npt.NDArray[np.uint8]] = _encoding()


def is_mulaw(encoding: str) -> bool:
    """Whether the encoding of a start event is μ-law, with or without `;rate=8000` behind it."""
    return encoding.partition(";")[0].strip().lower() in ENCODINGS


def decode(mulaw: bytes) -> bytes:
    """PCM16 little-endian of μ-law: two bytes for each."""
    return bytes(_DECODED[np.frombuffer(mulaw, dtype=np.uint8)].tobytes())


def decode_alaw(alaw: bytes) -> bytes:
    """PCM16 little-endian of A-law, as Indian exchanges record it: two bytes for each."""
    return bytes(_DECODED_ALAW[np.frombuffer(alaw, dtype=np.uint8)].tobytes())


def encode(pcm: bytes | memoryview) -> bytes:
    """μ-law of PCM16 little-endian: one byte for two."""
    return bytes(_ENCODED[np.frombuffer(pcm, dtype="<u2")].tobytes())


def padded(pcm: bytes) -> bytes:
    """PCM16 with silence behind it up to whole blocks, so that each chunk keeps the vendor's rule as μ-law too."""
    return pcm + bytes(-len(pcm) % BLOCK)
