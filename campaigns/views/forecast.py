"""How fast a campaign dials, and until when if it goes on like that. Arithmetic, no promise."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Min, Q

from campaigns import eligibility
from campaigns.lifecycle import AttemptState
from campaigns.models import CallAttempt, Campaign
from campaigns.views.plan import ends_at, per_minute

LOOKED_BACK = timedelta(minutes=5)
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Forecast:
    """`last_minute` calls were dialled in the last 60 s; at `pace` a minute everybody due is called by `ends_at`.

    `young`: no whole minute has passed since dialling began (or began again); the pace is then the plan's. `so_far`
    calls went out since, in `elapsed`. `ends_at` is None beyond two months, or when nobody is left.
    """

    last_minute: int
    pace: float
    young: bool
    so_far: int
    elapsed: timedelta
    ends_at: datetime | None
    last_call: datetime | None


def forecast(campaign: Campaign, left: int, now: datetime) -> Forecast:
    """From the calls of the last five minutes; `left` people are still to be called. One query."""
    recent = CallAttempt.objects.filter(campaign=campaign, intent_at__gt=now - LOOKED_BACK)
    counted = recent.exclude(state=AttemptState.REFUSED).aggregate(
        n=Count("pk"), first=Min("intent_at"), last_minute=Count("pk", filter=Q(intent_at__gt=now - MINUTE))
    )
    elapsed = now - counted["first"] if counted["first"] else timedelta(0)
    young = elapsed < MINUTE
    pace = per_minute(campaign) if young else counted["n"] * MINUTE / elapsed
    work = timedelta(minutes=left / max(pace, 0.001))
    until = ends_at(campaign, work, now) if left else None
    last_call = eligibility.hours_of(campaign, "", until).last_call if until else None
    return Forecast(counted["last_minute"], pace, young, counted["n"], elapsed, until, last_call)
