"""How forms look: every widget carries the class of the stylesheet, every error is words."""

from decimal import Decimal
from typing import Any

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator

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


def simple(number: Decimal) -> Decimal:
    """Without trailing zeros and never with an exponent: 10.000 -> 10."""
    return Decimal(f"{number.normalize():f}")
