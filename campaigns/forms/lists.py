"""Uploading a file into a list, and saying which of its columns are the phone and the name."""

from typing import Any, cast

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile

from campaigns.forms.fields import PlainForm
from campaigns.importing import phones
from campaigns.importing.uploads import Target
from campaigns.models import ContactImport, ContactList

REGIONS = sorted(phones.REGIONS.items(), key=lambda region: (region[0] != "IN", region[1]))


class UploadForm(PlainForm):
    """A CSV, and the list it goes into: one that exists, or a new one with a name and a country."""

    file = forms.FileField(
        label="CSV file",
        help_text="Choose it or drop it here. Any separator, any encoding, with or without a header.",
        widget=forms.FileInput(attrs={"accept": ".csv,.tsv,.txt,text/csv,text/plain"}),
        error_messages={
            "required": "Choose the CSV file to upload.",
            "empty": "The file is empty. Export the list again and choose that file.",
        },
    )
    contact_list = forms.ModelChoiceField(
        ContactList.objects.order_by("name"),
        label="Into",
        required=False,
        empty_label="A new list",
        help_text="People who are in the list already are not doubled.",
        error_messages={"invalid_choice": "That list is gone. Choose another, or a new one."},
    )
    name = forms.CharField(
        label="Name of the new list",
        required=False,
        max_length=120,
        help_text="Left empty, the name of the file is used.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    region = forms.ChoiceField(
        label="Country of numbers written without one",
        choices=REGIONS,
        required=False,
        help_text="Of a new list; a list that exists keeps its own.",
    )

    def clean_file(self) -> "UploadedFile[bytes]":
        file = cast("UploadedFile[bytes]", self.cleaned_data["file"])
        if (file.size or 0) > settings.UPLOAD_MAX_BYTES:
            most = settings.UPLOAD_MAX_BYTES // (1024 * 1024)
            raise forms.ValidationError(
                f"The file is larger than {most} MB. Split it, and upload the parts into the same list."
            )
        return file

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if not cleaned.get("contact_list") and not cleaned.get("name") and cleaned.get("file"):
            cleaned["name"] = cleaned["file"].name.rpartition(".")[0].strip()[:120] or "Uploaded list"
        return cleaned

    def target(self) -> Target:
        """Where the file goes; only of a valid form."""
        existing = self.cleaned_data["contact_list"]
        return Target(self.cleaned_data["name"], self.cleaned_data["region"] or "IN", existing)


class ColumnsForm(PlainForm):
    """Which column of an uploaded file holds the numbers, and which the names."""

    phone_column = forms.ChoiceField(
        label="Phone numbers",
        error_messages={"required": "Choose the column that holds the phone numbers."},
    )
    name_column = forms.ChoiceField(label="Names", required=False)

    def __init__(self, contact_import: ContactImport, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        columns = [(name, name) for name in contact_import.header]
        self.fields["phone_column"].choices = [("", "Choose a column"), *columns]  # type: ignore[attr-defined]
        self.fields["name_column"].choices = [("", "No column"), *columns]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("name_column") and cleaned["name_column"] == cleaned.get("phone_column"):
            self.add_error("name_column", "This column holds the phone numbers. Choose another, or none.")
        return cleaned
