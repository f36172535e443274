"""Finding a person, and saying why nobody shall call them."""

from django import forms

from campaigns.forms.do_not_call import REGION
from campaigns.forms.fields import PlainForm
from campaigns.importing.phones import Rejected, normalise


class FindForm(PlainForm):
    """A number as people write it; cleaned to E.164."""

    number = forms.CharField(
        label="Phone number",
        max_length=40,
        help_text="In full. Without a country it is Indian.",
        widget=forms.TextInput(attrs={"inputmode": "tel", "autocomplete": "off"}),
        error_messages={"required": "Enter a phone number."},
    )

    def clean_number(self) -> str:
        found = normalise(self.cleaned_data["number"], REGION)
        if isinstance(found, Rejected):
            raise forms.ValidationError(f"This is not a number that can be called: {found.reason}")
        return found.e164


class WhyForm(PlainForm):
    """Why somebody stands on the do-not-call list."""

    reason = forms.CharField(
        label="Reason",
        max_length=200,
        help_text="Shown wherever a call to them is skipped.",
        error_messages={"required": "Say why, for whoever asks later."},
    )
