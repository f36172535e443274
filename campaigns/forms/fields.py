"""How forms look: every widget carries the class of the stylesheet, every error is words."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.utils import timezone

from campaigns.creating import HEAVIEST

CLASSES: dict[type[forms.Widget], str] = {
    forms.CheckboxInput: "",
    forms.CheckboxSelectMultiple: "",
    forms.RadioSelect: "",
    forms.HiddenInput: "",
    forms.Select: "select",
    forms.Textarea: "textarea",
}


def dress(field: forms.Field) -> None:
    """Give the field's widget its class: select, textarea, or input."""
    kind = next((name for widget, name in CLASSES.items() if isinstance(field.widget, widget)), "input")
    if kind:
        field.widget.attrs.setdefault("class", kind)


class PlainForm(forms.Form):
    """A form whose fields are shown by templates/_field.html. Errors come from us, not from the browser."""

    use_required_attribute = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            dress(field)


def whole_field(label: str, low: int, high: int, unit: str, help_text: str = "") -> forms.IntegerField:
    """A whole number; the error names the mend."""
    between = f"Enter a whole number of {unit} from {low} to {high}."
    return forms.IntegerField(
        label=label,
        help_text=help_text,
        widget=forms.TextInput(attrs={"inputmode": "numeric"}),
        validators=[MinValueValidator(low, between), MaxValueValidator(high, between)],
        error_messages={"required": between, "invalid": between},
    )


def share_field(label: str, high: int, what: str, help_text: str = "") -> forms.DecimalField:
    """A number above zero with at most three decimals."""
    error = f"Enter {what} above 0 and at most {high}."
    return forms.DecimalField(
        label=label,
        help_text=help_text,
        max_digits=8,
        decimal_places=3,
        widget=forms.TextInput(attrs={"inputmode": "decimal"}),
        validators=[MinValueValidator(Decimal("0.001"), error), MaxValueValidator(high, error)],
        error_messages={"required": error, "invalid": error, "max_decimal_places": "Use at most three decimals."},
    )


def clock_field(label: str, example: str, help_text: str = "") -> forms.TimeField:
    """A time of the day."""
    return forms.TimeField(
        label=label,
        help_text=help_text,
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        error_messages={"required": "Enter a time.", "invalid": f"Enter a time, {example}."},
    )


def weight_field() -> forms.IntegerField:
    """A campaign's share of its account."""
    help_text = (
        "Parts of the account’s calls: one with 2 gets twice as many as one with 1, while both have people to call"
    )
    return whole_field("Share beside other campaigns", 1, HEAVIEST, "parts", help_text)


def end_field() -> forms.CharField:
    """A moment by the campaign's own clock, or none; see read_end."""
    return forms.CharField(
        label="End",
        required=False,
        help_text="Optional: nobody is called after it, who still waits is skipped",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )


def read_end(text: str, zone: ZoneInfo) -> datetime | None:
    """What stood in an end field, aware; None for nothing. Raises ValidationError."""
    if not text.strip():
        return None
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise forms.ValidationError("Enter day and time, 2026-11-21 18:00, or nothing.") from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=zone)
    if moment <= timezone.now():
        raise forms.ValidationError("That moment has passed: name a later one, or nothing.")
    return moment


def simple(number: Decimal) -> Decimal:
    """Without trailing zeros and never with an exponent: 10.000 -> 10."""
    return Decimal(f"{number.normalize():f}")
