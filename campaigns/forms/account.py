"""An account's own numbers. Its credentials are the environment's and stand on no page."""

import re
from typing import Any
from zoneinfo import available_timezones

from django import forms

from campaigns import bots
from campaigns.forms.fields import PlainForm, whole_field
from campaigns.models import ExotelAccount, Spelling

EDITED = ("name", "calls_per_minute", "max_concurrent", "daily_cap", "time_zone", "spelling")
_EXOPHONE = re.compile(r"\+?[0-9]{4,15}")


class AccountForm(PlainForm):
    """What may be changed while Dialer runs; limits count from the next call on."""

    name = forms.CharField(label="Name", max_length=100, error_messages={"required": "Give the account a name."})
    calls_per_minute = whole_field(
        "Requests a minute", 1, 6000, "requests", "All requests; nine in ten may be calls. Exotel documents 200"
    )
    max_concurrent = whole_field("Slots", 1, 100_000, "calls", "Calls open at the same time, of all campaigns")
    daily_cap = whole_field(
        "Calls to one person in 24 hours, at most", 0, 1000, "calls", "Of all campaigns together; 0 is no limit"
    )
    caller_ids = forms.CharField(
        label="Caller IDs",
        required=False,
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="ExoPhones, one a line. The first is the usual one.",
    )
    time_zone = forms.CharField(
        label="Zone of Exotel’s times",
        max_length=64,
        help_text="Exotel writes times without a zone; Asia/Kolkata unless it told you otherwise",
        error_messages={"required": "Enter a time zone, for example Asia/Kolkata."},
    )
    spelling = forms.ChoiceField(label="Spelling of requests", choices=Spelling.choices)

    @classmethod
    def of(cls, account: ExotelAccount, data: Any = None) -> "AccountForm":
        numbers = account.caller_ids.order_by("-is_default", "pk").values_list("number", flat=True)
        initial: dict[str, Any] = {name: getattr(account, name) for name in EDITED}
        return cls(data, initial=initial | {"caller_ids": "\n".join(numbers)})

    def clean_caller_ids(self) -> list[str]:
        lines = re.split(r"[\n,;]+", self.cleaned_data["caller_ids"])
        given = [re.sub(r"[\s()-]", "", line) for line in lines if line.strip()]
        wrong = [number for number in given if not _EXOPHONE.fullmatch(number)]
        if wrong:
            raise forms.ValidationError(f"Not a phone number: {', '.join(wrong[:5])[:120]}.")
        return list(dict.fromkeys(given))

    def clean_time_zone(self) -> str:
        zone: str = self.cleaned_data["time_zone"].strip()
        if zone not in available_timezones():
            raise forms.ValidationError(f"“{zone}” is no time zone. Write it as in Asia/Kolkata.")
        return zone

    def changes(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in EDITED}


class TrialForm(PlainForm):
    """Whom to call now, and which bot talks."""

    number = forms.CharField(
        label="Your number",
        max_length=40,
        widget=forms.TextInput(attrs={"inputmode": "tel", "autocomplete": "tel"}),
        error_messages={"required": "Enter the number of your phone."},
    )
    bot = forms.ChoiceField(label="Bot")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choice: forms.ChoiceField = self.fields["bot"]  # type: ignore[assignment]
        talking = [(name, label) for name, label in bots.names() if not bots.spec(name).listens_only]
        choice.choices = sorted(talking, key=lambda one: one[0] != "echo")
