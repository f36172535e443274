"""The filter of the call log. It lives in the address, so a wrong value narrows nothing and says so."""

from datetime import date, datetime, time, timedelta

from django import forms
from django.db.models import Q, QuerySet

from campaigns import digits
from campaigns.forms.fields import PlainForm
from campaigns.lifecycle import OPEN_ATTEMPTS, AttemptState, Outcome
from campaigns.models import CallAttempt, Campaign
from campaigns.templatetags.dialer import display_zone

UNDECIDED = {
    "open": Q(state__in=[state for state in OPEN_ATTEMPTS if state != AttemptState.UNKNOWN]),
    "unknown": Q(state=AttemptState.UNKNOWN),
    "refused": Q(state=AttemptState.REFUSED),
}
OPEN_WORDS = {str(state): "open" for state in OPEN_ATTEMPTS if state != AttemptState.UNKNOWN}
OUTCOMES = [
    ("", "Any"),
    ("open", "In call or ringing"),
    *[(value, label) for value, label in Outcome.choices if value != Outcome.REFUSED],
    ("refused", "Refused"),
    ("unknown", "Unknown"),
]


def _day(**attributes: str) -> forms.DateInput:
    return forms.DateInput(attrs={"type": "date", **attributes}, format="%Y-%m-%d")


class CallFilter(PlainForm):
    """Campaign, outcome, days (of the display zone) and the last digits of the number."""

    def __init__(self, data: object, campaigns: QuerySet[Campaign]) -> None:
        super().__init__(data)
        self.fields["from"] = forms.DateField(label="From", required=False, widget=_day(**{"class": "input"}))
        self.fields["to"] = forms.DateField(label="To", required=False, widget=_day(**{"class": "input"}))
        choices = [("", "Any"), *((str(pk), name) for pk, name in campaigns.values_list("pk", "name"))]
        self.fields["campaign"] = forms.ChoiceField(
            label="Campaign", required=False, choices=choices, widget=forms.Select(attrs={"class": "select"})
        )
        self.fields["outcome"] = forms.ChoiceField(
            label="Outcome", required=False, choices=OUTCOMES, widget=forms.Select(attrs={"class": "select"})
        )
        self.fields["number"] = forms.RegexField(
            r"^\d{1,15}$",
            label="Number ends in",
            required=False,
            widget=forms.TextInput(attrs={"class": "input", "inputmode": "numeric", "placeholder": "4 digits"}),
            error_messages={"invalid": "Enter digits only."},
        )

    def apply(self, calls: QuerySet[CallAttempt]) -> QuerySet[CallAttempt]:
        """The calls that match every value that could be read."""
        self.is_valid()
        wanted = self.cleaned_data
        if wanted.get("campaign"):
            calls = calls.filter(campaign_id=int(wanted["campaign"]))
        if wanted.get("outcome"):
            calls = calls.filter(UNDECIDED.get(wanted["outcome"]) or Q(outcome=wanted["outcome"]))
        if wanted.get("number"):
            calls = digits.ending_in(calls, wanted["number"])
        if wanted.get("from"):
            calls = calls.filter(intent_at__gte=_midnight(wanted["from"]))
        if wanted.get("to"):
            calls = calls.filter(intent_at__lt=_midnight(wanted["to"] + timedelta(days=1)))
        return calls

    @property
    def tallied(self) -> bool:
        """Whether it asks for nothing but a campaign and an outcome, so that the maintained counts know the answer."""
        self.is_valid()
        return not any(self.cleaned_data.get(name) for name in ("number", "from", "to"))

    def has(self, state: str, outcome: str) -> bool:
        """Whether calls in this state with this outcome pass."""
        wanted = self.cleaned_data.get("outcome")
        return not wanted or wanted == (outcome if wanted not in UNDECIDED else OPEN_WORDS.get(state, state))

    @property
    def in_words(self) -> str:
        """What is filtered, for the folded box on a phone and the empty page."""
        self.is_valid()
        wanted = {name: value for name, value in self.cleaned_data.items() if value}
        named = {
            "campaign": dict(self.fields["campaign"].choices).get(wanted.get("campaign", "")),  # type: ignore[attr-defined]
            "outcome": dict(OUTCOMES).get(wanted.get("outcome", "")),
            "number": f"number ends in {wanted.get('number')}",
            "from": f"from {wanted.get('from')}",
            "to": f"until {wanted.get('to')}",
        }
        return " · ".join(str(named[name]) for name in named if name in wanted)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(0), tzinfo=display_zone())
