"""Speech by espeak-ng, in a process of its own: `python -m botbridge.espeak`.

espeak-ng is licensed under GPL-3, so nothing of ours is linked with it: this program is the only one that loads the
library, and the rest of the product talks to it through its standard streams.

One request a line on standard input: {"text": "...", "voice": "gmw/en", "speed": 150}. For each, on standard output,
a header of three big-endian 32-bit numbers (0 for success or 1, sample rate in Hz, bytes that follow) and then the
PCM16 mono audio, or, after a failure, its reason as text. It ends when standard input does.
"""

from __future__ import annotations

import ctypes
import json
import struct
import sys
from typing import Any, BinaryIO, Final

import espeakng_loader

HEADER: Final = struct.Struct(">III")

# Constants of speak_lib.h, the library's public header.
_SYNCHRONOUS = 2
_UTF8 = 1
_RATE = 1
_BY_CHARACTER = 1


class VoiceFailed(Exception):
    """The library refused a voice or a text."""


class Engine:
    """The library, initialised once."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        data = espeakng_loader.get_data_path().encode()
        self.sample_rate = int(self._library.espeak_Initialize(_SYNCHRONOUS, 0, data, 0))
        if self.sample_rate <= 0:
            raise VoiceFailed("espeak-ng did not start")
        self._heard = bytearray()
        prototype = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)
        self._callback = prototype(self._collect)  # kept: the library holds no reference of its own
        self._library.espeak_SetSynthCallback(self._callback)

    def _collect(self, wave: int | None, count: int, _events: int | None) -> int:
        if wave and count > 0:
            self._heard += ctypes.string_at(wave, count * 2)
        return 0

    def speak(self, text: str, voice: str, speed: int) -> bytes:
        """The text as PCM16 mono at `sample_rate`."""
        self._heard.clear()
        if self._library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise VoiceFailed("no such voice")
        self._library.espeak_SetParameter(_RATE, speed, 0)
        encoded = text.encode()
        failed = self._library.espeak_Synth(encoded, len(encoded) + 1, 0, _BY_CHARACTER, 0, _UTF8, None, None)
        if failed:
            raise VoiceFailed("the text could not be spoken")
        return bytes(self._heard)


def answer(engine: Engine, line: bytes) -> tuple[int, bytes]:
    """Status and body for one request."""
    try:
        request: dict[str, Any] = json.loads(line)
        text, voice, speed = str(request["text"]), str(request["voice"]), int(request["speed"])
        return 0, engine.speak(text.replace("\0", ""), voice, speed)
    except VoiceFailed as failure:
        return 1, str(failure).encode()
    except (ValueError, KeyError, TypeError):
        return 1, b"not a request"


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer requests until there are no more."""
    engine = Engine()
    for line in requests:
        status, body = answer(engine, line)
        answers.write(HEADER.pack(status, engine.sample_rate, len(body)) + body)
        answers.flush()


if __name__ == "__main__":
    serve(sys.stdin.buffer, sys.stdout.buffer)
