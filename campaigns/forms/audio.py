"""A recording that the operator uploads for a bot."""

import wave
from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile

MOST_BYTES = 30 * 1024 * 1024
EXPORT_AGAIN = "Save it as WAV (PCM, 16 bit) and choose it again."


class AudioField(forms.FileField):
    """A WAV file; refused in words, because a bot that cannot play it would stay silent in every call."""

    widget = forms.FileInput(attrs={"accept": ".wav,audio/wav,audio/x-wav"})

    def clean(self, data: Any, initial: Any = None) -> Any:
        file = super().clean(data, None)  # what was kept before is not a file of this form
        if isinstance(file, UploadedFile):
            self._check(file)
        return file

    def _check(self, file: "UploadedFile[Any]") -> None:
        if (file.size or 0) > MOST_BYTES:
            raise forms.ValidationError("The recording is larger than 30 MB. Shorten it and choose it again.")
        try:
            with wave.open(file, "rb") as sound:
                seconds = sound.getnframes() / sound.getframerate()
        except (wave.Error, EOFError, ZeroDivisionError) as unreadable:
            raise forms.ValidationError(f"{file.name} is not a WAV recording. {EXPORT_AGAIN}") from unreadable
        finally:
            file.seek(0)
        if not seconds:
            raise forms.ValidationError(f"{file.name} is empty. {EXPORT_AGAIN}")
