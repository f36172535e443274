"""One campaign's page: the review while it is a draft, the live view from its launch on.

Full page and fragment are one template and one view: `?part=` picks the include. Polling ends with 286 once the
campaign has ended, not while it is paused. A fragment asked for under another status reloads the page, so that the
buttons are right.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_GET
from django_htmx.http import HTMX_STOP_POLLING

from campaigns import control, history, over_time, pacing, progress, tallies
from campaigns.forms.pace import PaceForm
from campaigns.lifecycle import ENDED_CAMPAIGNS, LIVE_CAMPAIGNS, CampaignStatus, ContactState, Outcome
from campaigns.models import Campaign, CampaignContact
from campaigns.progress import Counts
from campaigns.views import charts, pace_chart
from campaigns.views.campaigns import PARTS
from campaigns.views.forecast import forecast
from campaigns.views.paging import counted
from campaigns.views.review import review
from campaigns.views.shares import part_of
from campaigns.views.verdict import verdict

OUTCOMES = (*map(str, progress.REACHED), str(Outcome.REFUSED), progress.UNKNOWN)
SPARK_POINTS = 12
MOST_OPEN = 20  # calls listed; the others are a click away


@require_GET
def show(request: HttpRequest, campaign_id: int) -> HttpResponse:
    """The page, or with ?part= one of its fragments."""
    campaign = get_object_or_404(Campaign.objects.select_related("account", "launched_by"), pk=campaign_id)
    if campaign.status in (CampaignStatus.DRAFT, CampaignStatus.SCHEDULED):
        return review(request, campaign)
    part = request.GET.get("part", "")
    if part in FRAGMENTS:
        return _fragment(request, campaign, part)
    context: dict[str, Any] = {"campaign": campaign, "polls": campaign.status in LIVE_CAMPAIGNS, "tab": "live"}
    for _, make in FRAGMENTS.values():
        context |= make(campaign)
    return render(request, "campaigns/live.html", context | tabs(campaign))


def _fragment(request: HttpRequest, campaign: Campaign, part: str) -> HttpResponse:
    template, make = FRAGMENTS[part]
    ended = campaign.status in ENDED_CAMPAIGNS
    context = {"campaign": campaign, "polls": not ended, "fragment": True, **make(campaign)}
    response = render(request, template, context, status=HTMX_STOP_POLLING if ended else 200)
    if request.GET.get("status", campaign.status) != campaign.status:
        response["HX-Refresh"] = "true"
    return response


def tabs(campaign: Campaign) -> dict[str, Any]:
    """What the tabs of a launched campaign show behind their words."""
    sums = tallies.of_campaign(campaign.pk)
    return {
        "calls_made": _calls_made(sums),
        "people_total": sum(n for measure, n in sums.items() if measure.startswith("contact:")),
        "acts": counted(history.of_campaign(campaign.pk), 999),
    }


def _calls_made(sums: Mapping[str, int]) -> int:
    """As many as the call log holds of the campaign."""
    return sum(n for *_, n in progress.attempts_in(sums))


# -------------------------------------------------------------------------------------------------------- fragments
def _verdict_part(campaign: Campaign) -> dict[str, Any]:
    now, counts = timezone.now(), progress.counts(campaign.pk)
    waiting = progress.waiting(campaign)
    ahead = forecast(campaign, counts.left, now)
    return {"waiting": waiting, "verdict": verdict(campaign, counts, ahead, dialling=waiting is None)}


def _counts_part(campaign: Campaign) -> dict[str, Any]:
    counts, steps = progress.counts(campaign.pk), progress.funnel(campaign.pk)
    goal, slots = steps[-1].count, pacing.slots_used(campaign.account_id)
    return {
        "counts": counts,
        "contacts": [(state, counts.contacts[state]) for state in PARTS],
        "answered": counts.outcomes[Outcome.ANSWERED],
        "goal": goal,
        "per_goal": counts.spent / goal if goal else None,
        "most_slots": min(campaign.max_concurrent, campaign.account.max_concurrent),
        "elsewhere": sum(slots.values()) - slots.get(campaign.pk, 0),
        "sparks": _sparks(campaign, timezone.now()),
        "funnel": steps,
        "not_placed": _not_placed(campaign, counts),
        "ended": campaign.status in ENDED_CAMPAIGNS,
        "calls_made": _calls_made(tallies.of_campaign(campaign.pk)),
    }


def _sparks(campaign: Campaign, now: datetime) -> dict[str, charts.Spark | None]:
    """How the share of answered calls and the goals went, from the launch on (of two days at most)."""
    until = campaign.ended_at or now
    first = max(campaign.launched_at or now, now - tallies.KEPT + timedelta(hours=1))
    if until <= first:
        return {}
    size = max(5, -(-int((until - first).total_seconds()) // (300 * SPARK_POINTS)) * 5)
    slices = tallies.in_slices([campaign.pk], first, size)
    whole = charts.whole(slices, timedelta(minutes=size), now)
    return {"answered": charts.spark_of_share(slices), "goal": charts.spark_of(whole, "kind:goal")}


def _not_placed(campaign: Campaign, counts: Counts) -> int:
    """Uncertain people whom the operator may put back in line: most of them are proved never dialled."""
    if not counts.uncertain:
        return 0
    return CampaignContact.objects.filter(
        campaign=campaign, state=ContactState.UNCERTAIN, reason_code__in=control.ASKED
    ).count()


def _calls_part(campaign: Campaign) -> dict[str, Any]:
    found = progress.open_calls(campaign.pk, MOST_OPEN)
    total = max(len(found), progress.open_total(campaign.pk))
    return {"open_calls": found, "open_total": total, "open_more": total - len(found)}


def _events_part(campaign: Campaign) -> dict[str, Any]:
    return {"events": history.recent(campaign.pk, 12)}


def _pace_part(campaign: Campaign) -> dict[str, Any]:
    now, counts = timezone.now(), progress.counts(campaign.pk)
    ahead = forecast(campaign, counts.left, now)
    along = pace_chart.axis(campaign, ahead.ends_at, now)
    known = tallies.dialled_each_minute(campaign.pk, max(along.start, now - tallies.KEPT + timedelta(hours=1)))
    return {
        "pace": pace_chart.draw(campaign, known, ahead, along, now),
        "pace_form": PaceForm.of(campaign),
        "account_pace": int(campaign.account.calls_per_minute * pacing.DIAL_SHARE),
        "share": part_of(campaign, now),
    }


def _time_part(campaign: Campaign) -> dict[str, Any]:
    now, counts = timezone.now(), progress.counts(campaign.pk)
    age = (campaign.ended_at or now) - (campaign.launched_at or now)
    slices = over_time.outcomes_over_time(campaign, now, min(24, max(9, age // over_time.FIVE + 2)))
    return {
        "over_time": charts.outcomes(slices, OUTCOMES),
        "outcomes": [(outcome, counts.outcomes[outcome]) for outcome in OUTCOMES],
        "provisional": max(0, counts.reached - counts.confirmed),
        "earlier": counts.reached,
    }


def _retries_part(campaign: Campaign) -> dict[str, Any]:
    waiting = CampaignContact.objects.filter(campaign=campaign, state=ContactState.RETRY).count()
    return {"retries": over_time.retries_due(campaign.pk, waiting, timezone.now())}


FRAGMENTS: Mapping[str, tuple[str, Callable[[Campaign], dict[str, Any]]]] = {
    "verdict": ("campaigns/_live_verdict.html", _verdict_part),
    "counts": ("campaigns/_live_counts.html", _counts_part),
    "calls": ("campaigns/_live_calls.html", _calls_part),
    "events": ("campaigns/_live_events.html", _events_part),
    "pace": ("campaigns/_live_pace.html", _pace_part),
    "time": ("campaigns/_live_time.html", _time_part),
    "retries": ("campaigns/_live_retries.html", _retries_part),
}
