"""Adding people to the do-not-call list."""

import re
from typing import cast

from django import forms
from django.core.files.uploadedfile import UploadedFile

from campaigns.forms.fields import PlainForm
from campaigns.importing.phones import Phone, Rejected, normalise

REGION = "IN"  # of numbers written without a country
MOST_BYTES = 10 * 1024 * 1024


class SuppressForm(PlainForm):
    """Numbers as people write them, one a line or with commas; cleaned to E.164."""

    numbers = forms.CharField(
        label="Numbers",
        widget=forms.Textarea(attrs={"rows": 3, "autocomplete": "off"}),
        help_text="One a line, or with commas. Numbers without a country are Indian.",
        max_length=20_000,
        error_messages={"required": "Enter at least one number."},
    )
    reason = forms.CharField(
        label="Reason",
        max_length=200,
        help_text="Shown wherever a call to them is skipped.",
        error_messages={"required": "Say why, for whoever asks later."},
    )

    def clean_numbers(self) -> list[str]:
        given = [part.strip() for part in re.split(r"[\n,;]+", self.cleaned_data["numbers"]) if part.strip()]
        # As contact lists are read: who is suppressed under any other number would be called all the same.
        read = {part: normalise(part, REGION) for part in given}
        unread = [f"{part} ({one.reason})" for part, one in read.items() if isinstance(one, Rejected)]
        if unread:
            listed = "; ".join(unread[:5])
            raise forms.ValidationError(f"Not a phone number: {listed}. Mend or remove it; nobody was added yet.")
        return sorted({one.e164 for one in read.values() if isinstance(one, Phone)})


class SuppressFileForm(PlainForm):
    """A CSV of numbers, and the reason for those whose line has none."""

    file = forms.FileField(
        label="CSV or Excel file",
        help_text="One column of numbers; a column named reason is taken too.",
        widget=forms.FileInput(attrs={"accept": ".csv,.tsv,.txt,.xlsx,.xlsm,text/csv,text/plain"}),
        error_messages={
            "required": "Choose the CSV or Excel file to upload.",
            "empty": "The file is empty. Choose another.",
        },
    )
    reason_of_all = forms.CharField(
        label="Reason of lines without one",
        max_length=200,
        error_messages={"required": "Say why, for whoever asks later."},
    )

    def clean_file(self) -> "UploadedFile[bytes]":
        file = cast("UploadedFile[bytes]", self.cleaned_data["file"])
        if (file.size or 0) > MOST_BYTES:
            raise forms.ValidationError("The file is larger than 10 MB. Split it.")
        return file
