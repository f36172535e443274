"""Recordings: real WAV files, so that whoever fetches them can check, draw and play them.

The bot is a soft tone, the person noise, each in its turn, so that the two sides look and sound different.
"""

import hashlib
import hmac
import io
import math
import random
import struct
import wave
from functools import cache

from dialer.simulator.calls import Call
from dialer.simulator.fates import Recording
from dialer.simulator.options import Options

LONGEST = 600  # seconds of audio, however long the call was
RATE = 8000
LATE_TIMES = 10
TURNS = ("bot", "bot", "person", "bot", "pause")  # who is heard, second by second, over and over
VALIDITY = (5, 60)  # minutes: what RecordingUrlValidity may ask for
HTML = b"<!DOCTYPE html><html><head><title>Error</title></head><body><h1>AccessDenied</h1></body></html>"


def wav(seconds: int, *, dual: bool) -> bytes:
    """A 16-bit 8 kHz WAV of that many seconds; `dual` puts the person left, the bot right."""
    length = max(1, min(seconds, LONGEST))
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(2 if dual else 1)
        writer.setsampwidth(2)
        writer.setframerate(RATE)
        writer.writeframes(b"".join(_second(TURNS[place % len(TURNS)], dual=dual) for place in range(length)))
    return file.getvalue()


@cache
def _second(turn: str, *, dual: bool) -> bytes:
    silence = [0] * RATE
    noise = random.Random("person")
    person = [noise.randint(-6000, 6000) for _ in silence] if turn == "person" else silence
    bot = [round(9000 * math.sin(2 * math.pi * 450 * n / RATE)) for n in range(RATE)] if turn == "bot" else silence
    if dual:
        samples = [value for pair in zip(person, bot, strict=True) for value in pair]
    else:
        samples = [one + other for one, other in zip(person, bot, strict=True)]
    return struct.pack(f"<{len(samples)}h", *samples)


def ready_at(call: Call, ended_at: float, options: Options) -> float:
    """When the recording of something that ended then can be fetched; infinity for never."""
    if call.fate.recording is Recording.NEVER:
        return math.inf
    times = LATE_TIMES if call.fate.recording is Recording.LATE else 1
    return ended_at + options.recording_delay * times / options.speed


def signature(path: str, expires: int, secret: str) -> str:
    """What makes a recording's address open without a key until then (epoch seconds)."""
    return hmac.new(secret.encode(), f"{path}|{expires}".encode(), hashlib.sha256).hexdigest()[:40]
