"""Recordings: a short real WAV file, so that whoever fetches it can check and play it."""

import io
import math
import struct
import wave

READY_AFTER = 60.0  # carrier seconds after the end (fact sheet, section 5: about 1 to 5 minutes)
LONGEST = 3  # seconds of audio, however long the call was
RATE = 8000


def wav(seconds: int, *, dual: bool) -> bytes:
    """A 16-bit 8 kHz WAV of a soft tone; `dual` puts the person left, the bot right."""
    count = RATE * max(1, min(seconds, LONGEST))
    person = [round(4000 * math.sin(2 * math.pi * 300 * place / RATE)) for place in range(count)]
    bot = [round(4000 * math.sin(2 * math.pi * 450 * place / RATE)) for place in range(count)]
    samples = [value for pair in zip(person, bot, strict=True) for value in pair] if dual else person
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(2 if dual else 1)
        writer.setsampwidth(2)
        writer.setframerate(RATE)
        writer.writeframes(struct.pack(f"<{len(samples)}h", *samples))
    return file.getvalue()
