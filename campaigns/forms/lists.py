"""Uploading a file into a list, and saying which of its columns are the phone and the name."""

from collections.abc import Mapping
from typing import Any, cast

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile

from campaigns.forms.fields import PlainForm, dress
from campaigns.importing import phones, rereading
from campaigns.importing.mapping import ColumnSeen, Guess
from campaigns.importing.options import APPEND, BY_ID, BY_PHONE, FLAG, MERGE, REJECT, REPLACE, Options
from campaigns.importing.reading import NotACsv
from campaigns.importing.uploads import Target
from campaigns.importing.values import KINDS, TEXT
from campaigns.models import ContactImport, ContactList

REGIONS = sorted(phones.REGIONS.items(), key=lambda region: (region[0] != "IN", region[1]))
ROLES = ("time_zone", "language", "external_id", "consent")


class UploadForm(PlainForm):
    """A CSV, and the list it goes into: one that exists, or a new one with a name and a country."""

    file = forms.FileField(
        label="CSV or Excel file",
        help_text="Any separator, any encoding, with or without a header.",
        widget=forms.FileInput(attrs={"accept": ".csv,.tsv,.txt,.xlsx,.xlsm,text/csv,text/plain"}),
        error_messages={
            "required": "Choose the CSV or Excel file to upload.",
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


class ReadingForm(PlainForm):
    """How an uploaded file is read; a field only where there is a choice. It stands inside of the form of the columns
    and belongs to one of its own, so that both can be sent."""

    FORM = "read-again"
    encoding = forms.ChoiceField(label="Encoding", help_text="Letters look wrong? Choose another.")
    sheet = forms.ChoiceField(label="Sheet of the workbook", help_text="Not these people? Choose another.")

    def __init__(self, contact_import: ContactImport, data: Mapping[str, Any] | None = None) -> None:
        """Without `data` what was found out, or chosen before, is what is chosen."""
        super().__init__(data, initial={"encoding": contact_import.encoding, "sheet": contact_import.sheet})
        encodings = list(rereading.encodings(contact_import).items())
        sheets = [(name, name) for name in rereading.sheets(contact_import)]
        for name, choices in (("encoding", encodings), ("sheet", sheets)):
            if choices:
                self.fields[name].choices = choices  # type: ignore[attr-defined]
                self.fields[name].widget.attrs["form"] = self.FORM
            else:
                del self.fields[name]

    def read(self, contact_import: ContactImport) -> bool:
        """Whether the file is read as chosen from now on; else the form says why not. Only of a valid form."""
        try:
            if sheet := self.cleaned_data.get("sheet"):
                rereading.take_sheet(contact_import, sheet)
            if encoding := self.cleaned_data.get("encoding"):
                rereading.read_in(contact_import, encoding)
        except NotACsv as refused:
            self.add_error(next(iter(self.fields)), refused.reason)
            return False
        return True


class ColumnsForm(PlainForm):
    """Which column of an uploaded file holds what, and how its rows are judged."""

    phone_column = forms.ChoiceField(
        label="Phone numbers",
        help_text="The first number of a person that may be dialled is the one that is called.",
        error_messages={"required": "Choose the column that holds the phone numbers."},
    )
    name_column = forms.ChoiceField(label="Names", required=False)
    second_phone = forms.ChoiceField(
        label="Second number",
        required=False,
        help_text="Called when the first is no number to dial; else kept beside it.",
    )
    third_phone = forms.ChoiceField(label="Third number", required=False)
    time_zone = forms.ChoiceField(label="Time zone", required=False, help_text="Names like Asia/Kolkata.")
    language = forms.ChoiceField(label="Language", required=False)
    external_id = forms.ChoiceField(label="Your id of the person", required=False)
    consent = forms.ChoiceField(label="Consent", required=False, help_text="A row that says no is not imported.")
    how = forms.ChoiceField(
        label="People who are on the list already",
        choices=[
            (APPEND, "Stay as they are; new people are added"),
            (MERGE, "Are brought up to date; new people are added"),
            (REPLACE, "Are brought up to date; whoever is not in the file leaves the list"),
        ],
        required=False,
        help_text="Whoever has been called never leaves. Undo does not bring back people who left. "
        "Where more would leave than stay, you are asked before anybody does.",
    )
    match_by = forms.ChoiceField(
        label="The same person has the same",
        choices=[(BY_PHONE, "Number"), (BY_ID, "Id of yours")],
        required=False,
    )
    name = forms.CharField(
        label="Name of this import",
        required=False,
        max_length=120,
        help_text="Left empty, the name of the file is used.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    only_mobiles = forms.BooleanField(label="Only mobile numbers", required=False)
    wrong_values = forms.ChoiceField(
        label="A value that is not of its column’s kind",
        choices=[(FLAG, "Take the row and flag it"), (REJECT, "Reject the row")],
        required=False,
    )

    def __init__(self, contact_import: ContactImport, guess: Guess, data: Mapping[str, Any] | None) -> None:
        """Without `data` the guess is what is chosen; columns without a kind in the data keep the guessed one."""
        self.guess = guess
        super().__init__(self._guessed() if data is None else data)
        columns = [(name, name) for name in contact_import.header]
        for name in ("phone_column", "name_column", "second_phone", "third_phone", *ROLES):
            nothing = "Choose a column" if name == "phone_column" else "No column"
            self.fields[name].choices = [("", nothing), *columns]  # type: ignore[attr-defined]
        for place, column in enumerate(guess.columns):
            field = forms.ChoiceField(label=f"Values of {column.name}", choices=list(KINDS.items()), required=False)
            self.fields[f"kind_{place}"] = field
            dress(field)

    def _guessed(self) -> dict[str, Any]:
        options = self.guess.options
        others = dict(zip(("second_phone", "third_phone"), options.other_phones, strict=False))
        kinds = {f"kind_{place}": self._kind(place) for place in range(len(self.guess.columns))}
        roles = {name: getattr(options, name) for name in ROLES}
        return {"phone_column": self.guess.phone, "name_column": self.guess.name, **others, **roles, **kinds}

    def _kind(self, place: int) -> str:
        return self.guess.options.types.get(self.guess.columns[place].name, TEXT)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("name_column") and cleaned["name_column"] == cleaned.get("phone_column"):
            self.add_error("name_column", "This column holds the phone numbers. Choose another, or none.")
        if cleaned.get("match_by") == BY_ID and not cleaned.get("external_id"):
            self.add_error("external_id", "Choose the column that holds your id of the person, or match by number.")
        return cleaned

    def options(self) -> Options:
        """Everything but the first number and the name; only of a valid form."""
        given = self.cleaned_data
        others = dict.fromkeys(given[name] for name in ("second_phone", "third_phone"))
        kinds = {
            column.name: given[f"kind_{place}"] or self._kind(place) for place, column in enumerate(self.guess.columns)
        }
        used = {given["phone_column"], given["name_column"], given["time_zone"], *others}
        return Options(
            other_phones=tuple(name for name in others if name and name != given["phone_column"]),
            **{name: given[name] for name in ROLES},
            types={name: kind for name, kind in kinds.items() if kind != TEXT and name not in used},
            only_mobiles=given["only_mobiles"],
            wrong_values=given["wrong_values"] or FLAG,
            how=given["how"] or APPEND,
            match_by=given["match_by"] or BY_PHONE,
        )

    def more(self) -> list[forms.BoundField]:
        """The columns that many files do not have."""
        return [self[name] for name in ("second_phone", "third_phone", *ROLES)]

    def kinds(self) -> list[tuple[ColumnSeen, forms.BoundField]]:
        """Each column of the file with the field that says what its values are."""
        return [(column, self[f"kind_{place}"]) for place, column in enumerate(self.guess.columns)]
