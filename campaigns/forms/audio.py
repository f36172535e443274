"""A recording that the operator uploads for a bot."""

from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile

from campaigns import bots

MOST_BYTES = 30 * 1024 * 1024
RATE = 8000


class AudioField(forms.FileField):
    """A WAV file, read as the bot will read it: one that it cannot play would make it fail in every call."""

    widget = forms.FileInput(attrs={"accept": ".wav,audio/wav,audio/x-wav"})

    def clean(self, data: Any, initial: Any = None) -> Any:
        file = super().clean(data, None)  # what was kept before is not a file of this form
        if isinstance(file, UploadedFile):
            self._check(file)
        return file

    def _check(self, file: "UploadedFile[Any]") -> None:
        if (file.size or 0) > MOST_BYTES:
            raise forms.ValidationError("The recording is larger than 30 MB. Shorten it and choose it again.")
        sound = bots.sound()
        try:
            sound.read_wav(file.read(), RATE)
        except sound.WavError as error:
            raise forms.ValidationError(f"{file.name} cannot be played. {error}") from error
        finally:
            file.seek(0)
