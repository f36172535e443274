"""The read side over time: outcomes in slices of minutes, retries due by the quarter hour. Writes nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db.models import Count, DateTimeField, F, Func, Value

from campaigns import tallies
from campaigns.lifecycle import AttemptState, ContactState
from campaigns.models import CallAttempt, Campaign, CampaignContact
from campaigns.progress import UNKNOWN

FIVE = timedelta(minutes=5)
QUARTER = timedelta(minutes=15)
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Slice:
    """Calls asked for in five minutes from `at` on, by outcome; those still open are in none."""

    at: datetime
    outcomes: dict[str, int]

    @property
    def total(self) -> int:
        return sum(self.outcomes.values())


@dataclass(frozen=True)
class Retries:
    """Retries due: overdue, in each of the next quarter hours, and later."""

    overdue: int
    quarters: Sequence[tuple[datetime, int]]  # (until, count)
    later: int

    @property
    def total(self) -> int:
        return self.overdue + sum(count for _, count in self.quarters) + self.later


def _slice(field: str, length: timedelta) -> Func:
    """The beginning of the slice that a moment falls into; PostgreSQL's date_bin."""
    return Func(Value(length), F(field), Value(_EPOCH), function="date_bin", output_field=DateTimeField())


def floor(moment: datetime, length: timedelta) -> datetime:
    return moment - (moment - _EPOCH) % length


def outcomes_over_time(campaign: Campaign, now: datetime, slices: int = 24) -> list[Slice]:
    """The last two hours of a campaign (of its life, once it has ended), oldest first, empty slices included."""
    last = floor(campaign.ended_at or now, FIVE)
    first = last - (slices - 1) * FIVE
    known = (
        tallies.outcomes_each_five_minutes(campaign.pk, first, last + FIVE)
        if first > now - tallies.KEPT
        else _counted(campaign, first, last + FIVE)
    )
    return [Slice(at, known.get(at, {})) for at in (first + place * FIVE for place in range(slices))]


def _counted(campaign: Campaign, first: datetime, until: datetime) -> dict[datetime, dict[str, int]]:
    """Of a campaign that ended so long ago that its minutes are forgotten: two hours of calls are read."""
    rows = CallAttempt.objects.filter(campaign=campaign, intent_at__gte=first, intent_at__lt=until)
    counted = rows.annotate(slice=_slice("intent_at", FIVE)).values_list("slice", "state", "outcome")
    found: dict[datetime, dict[str, int]] = {}
    for at, state, outcome, count in counted.annotate(n=Count("pk")).order_by():
        shown = outcome or (UNKNOWN if state == AttemptState.UNKNOWN else "")
        if shown:
            slice_ = found.setdefault(at, {})
            slice_[shown] = slice_.get(shown, 0) + count
    return found


def retries_due(campaign_id: int, total: int, now: datetime, quarters: int = 4) -> Retries:
    """When people are called again; `total` is how many wait for it in all."""
    rows = CampaignContact.objects.filter(campaign=campaign_id, state=ContactState.RETRY)
    start = floor(now, QUARTER)
    ends = [start + (place + 1) * QUARTER for place in range(quarters)]
    soon = rows.filter(due_at__lt=ends[-1])
    counted = dict(
        soon.filter(due_at__gt=now)
        .annotate(slice=_slice("due_at", QUARTER))
        .values_list("slice")
        .annotate(n=Count("pk"))
        .order_by()
    )
    overdue = soon.filter(due_at__lte=now).count()
    by_quarter = [(end, counted.get(end - QUARTER, 0)) for end in ends]
    later = max(0, total - overdue - sum(count for _, count in by_quarter))
    return Retries(overdue, by_quarter, later)
