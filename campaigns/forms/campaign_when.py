"""Step 3 of writing a campaign: when and how fast people are called, and whether again."""

from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from django import forms

from campaigns import calling_hours
from campaigns.calling_hours import Window
from campaigns.creating import CampaignPlan, Retry, pace_of, slots_of
from campaigns.forms.campaign_what import LONGEST
from campaigns.forms.fields import (
    PlainForm,
    clock_field,
    dress,
    end_field,
    read_end,
    share_field,
    simple,
    weight_field,
    whole_field,
)
from campaigns.models import Mode, Purpose, UnknownPolicy

RETRIED = (("busy", "a busy line"), ("no-answer", "no answer"), ("failed", "a failed call"))
COPIED = (
    "caller_id",
    "calls_per_second",
    "max_concurrent",
    "weight",
    "ends_at",
    "time_zone",
    "ring_timeout",
    "time_limit",
    "max_attempts",
    "unknown_policy",
)
USUAL_DELAY = 30  # minutes until a retry, if nothing is said


class WhenForm(PlainForm):
    """When and how fast."""

    caller_id = forms.CharField(
        label="Caller ID",
        max_length=20,
        help_text="The ExoPhone that people see",
        widget=forms.TextInput(attrs={"list": "caller-ids", "inputmode": "tel"}),
        error_messages={"required": "Enter the ExoPhone that people shall see."},
    )
    calls_per_second = share_field("Calls per second", 100, "a number of calls", "0.5 is one call every two seconds")
    max_concurrent = whole_field(
        "Calls at the same time", 1, 10_000, "calls", "At most; the account’s slots bound it too"
    )
    weight = weight_field()
    window_start = clock_field("Call from", "09:00")
    window_end = clock_field("Call until", "21:00", "The same time twice means all day")
    time_zone = forms.CharField(
        label="Time zone",
        max_length=64,
        help_text="Of people whose list says nothing else",
        widget=forms.TextInput(attrs={"list": "time-zones"}),
        error_messages={"required": "Enter a time zone, for example Asia/Kolkata."},
    )
    ends_at = end_field()
    ring_timeout = whole_field("Let it ring, in seconds", 5, 300, "seconds")
    time_limit = whole_field("Longest call, in seconds", 6, 14_400, "seconds", "Exotel ends the call after it")
    max_attempts = whole_field("Calls to one person, at most", 1, 20, "calls", "Counts calls that may have rung")
    unknown_policy = forms.ChoiceField(
        label="People whose call was lost and proved not dialled", choices=UnknownPolicy.choices
    )

    def __init__(self, data: Any = None, files: Any = None, *, draft: CampaignPlan) -> None:
        """`draft` is the campaign as it stands."""
        super().__init__(data, files, initial=_initial(draft))
        self.draft = draft
        for outcome, words in RETRIED:
            self.fields[f"retry_{outcome}_times"] = whole_field(f"After {words}, call again", 0, 20, "times")
            self.fields[f"retry_{outcome}_minutes"] = share_field("after, in minutes", 10_080, "a number of minutes")
        for field in self.fields.values():
            dress(field)

    def retry_rows(self) -> list[tuple[forms.BoundField, forms.BoundField]]:
        return [(self[f"retry_{outcome}_times"], self[f"retry_{outcome}_minutes"]) for outcome, _ in RETRIED]

    # ------------------------------------------------------------------------------------------------- validation
    def clean_time_zone(self) -> str:
        zone: str = self.cleaned_data["time_zone"].strip()
        if zone not in available_timezones():
            raise forms.ValidationError(f"“{zone}” is no time zone. Write it as in Asia/Kolkata or Asia/Singapore.")
        return str(ZoneInfo(zone))

    def clean_ends_at(self) -> datetime | None:
        """By the clock of the zone above; without a zone that error stands alone."""
        zone = self.cleaned_data.get("time_zone")
        return read_end(self.cleaned_data["ends_at"], ZoneInfo(zone)) if zone else None

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        self._check_length(cleaned)
        self._check_hours(cleaned)
        self._check_tries(cleaned)
        return cleaned

    def _check_length(self, cleaned: dict[str, Any]) -> None:
        limit, longest = cleaned.get("time_limit"), LONGEST[Mode(self.draft.mode)]
        if limit and limit > longest:
            what = "A bot’s stream" if self.draft.mode == Mode.BOT else "A call"
            self.add_error("time_limit", f"{what} may last {longest} seconds. Enter that or less.")

    def _check_hours(self, cleaned: dict[str, Any]) -> None:
        start, end = cleaned.get("window_start"), cleaned.get("window_end")
        if start is None or end is None:
            return
        limit = calling_hours.ceiling(self.draft.purpose, simulated=self.draft.account.simulated)
        if not calling_hours.within(Window(start, end), limit):
            label = Purpose(self.draft.purpose).label.lower()
            self.add_error("window_end", f"For {label} calls the widest hours are {limit}. Set both times inside them.")

    def _check_tries(self, cleaned: dict[str, Any]) -> None:
        """A rule that can never apply is a mistake."""
        tries = cleaned.get("max_attempts")
        if tries == 1 and any(cleaned.get(f"retry_{outcome}_times") for outcome, _ in RETRIED):
            self.add_error("max_attempts", "The rules below call again: allow at least 2 calls to one person.")

    # ---------------------------------------------------------------------------------------------------- results
    def plan(self) -> CampaignPlan:
        """The draft with what this step says."""
        given = self.cleaned_data
        window = Window(given["window_start"], given["window_end"])
        return replace(self.draft, window=window, retries=self.retries(), **{name: given[name] for name in COPIED})

    def retries(self) -> list[Retry]:
        """The rules that call again at all."""
        rules = [
            Retry(outcome, self.cleaned_data[f"retry_{outcome}_times"], self.cleaned_data[f"retry_{outcome}_minutes"])
            for outcome, _ in RETRIED
        ]
        return [rule for rule in rules if rule.times]

    def told(self) -> str:
        """This step changes nothing else."""
        return ""


def _initial(draft: CampaignPlan) -> dict[str, Any]:
    window = draft.window or calling_hours.default_window(draft.purpose, simulated=draft.account.simulated)
    found: dict[str, Any] = {name: getattr(draft, name) for name in COPIED}
    found |= {"window_start": window.start, "window_end": window.end}
    found |= {"calls_per_second": simple(pace_of(draft)), "max_concurrent": slots_of(draft)}
    found["ends_at"] = draft.ends_at.astimezone(ZoneInfo(draft.time_zone)) if draft.ends_at else None
    rules = {rule.outcome: rule for rule in draft.retries}
    for outcome, _ in RETRIED:
        rule = rules.get(outcome)
        found[f"retry_{outcome}_times"] = rule.times if rule else 0
        found[f"retry_{outcome}_minutes"] = simple(rule.delay_minutes) if rule else USUAL_DELAY
    return found
