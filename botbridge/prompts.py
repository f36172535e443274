"""Speech as this installation has it: the cache lies where settings.SPEECH_DIR says. `settings.SPEECH` points here."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings

from botbridge import speech


class InstalledSpeech:
    """botbridge.speech with the directory filled in."""

    def available(self) -> bool:
        """Whether texts can be spoken here."""
        return speech.available()

    def voices(self) -> tuple[tuple[str, str], ...]:
        """(name, label) of every voice."""
        return speech.voices()

    def cached(self, text: str, voice: str, sample_rate: int) -> bytes | None:
        """PCM16 of a text rendered before, or None."""
        return speech.cached(text, voice, sample_rate, Path(settings.SPEECH_DIR))

    def render(self, text: str, voice: str, sample_rate: int) -> bytes:
        """PCM16 mono of a text at `sample_rate` (Hz), from the cache or spoken now. Raises speech.SpeechError."""
        return speech.render(text, voice, sample_rate, Path(settings.SPEECH_DIR))

    def prune(self, *, older_than: float) -> int:
        """Delete what was not used for so many seconds."""
        return speech.prune(Path(settings.SPEECH_DIR), older_than=older_than)


SPEECH = InstalledSpeech()
