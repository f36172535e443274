"""One campaign's page: the review while it is a draft, the live view from its launch on, and its people.

Full page and fragment are one template and one view: `?part=` picks the include. Polling ends with 286 once the
campaign has ended, not while it is paused. A fragment asked for under another status reloads the page, so that the
buttons are right.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import OuterRef, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_GET
from django_htmx.http import HTMX_STOP_POLLING

from campaigns import bots, control, digits, over_time, pacing, progress, tallies
from campaigns.forms.pace import PaceForm
from campaigns.lifecycle import ENDED_CAMPAIGNS, LIVE_CAMPAIGNS, AttemptState, CampaignStatus, ContactState, Outcome
from campaigns.models import CallAttempt, Campaign, CampaignContact, ContactList
from campaigns.progress import Counts
from campaigns.templatetags.dialer import grouped, percent, plural, span, when
from campaigns.views import charts
from campaigns.views.campaigns import PARTS
from campaigns.views.paging import page_by_id
from campaigns.views.plan import ends_at, plan
from campaigns.views.shares import target_of

OUTCOMES = (
    *map(str, (Outcome.ANSWERED, Outcome.NO_ANSWER, Outcome.BUSY, Outcome.FAILED, Outcome.CANCELLED, Outcome.REFUSED)),
    progress.UNKNOWN,
)
REACHED = tuple(outcome for outcome in OUTCOMES if outcome not in (Outcome.REFUSED, progress.UNKNOWN))


@dataclass(frozen=True)
class Verdict:
    """The one sentence; `live` makes the dot breathe."""

    state: str
    line: str
    sub: str = ""
    live: bool = False


@require_GET
def show(request: HttpRequest, campaign_id: int) -> HttpResponse:
    """The page, or with ?part= one of its fragments."""
    campaign = get_object_or_404(Campaign.objects.select_related("account", "launched_by"), pk=campaign_id)
    if campaign.status in (CampaignStatus.DRAFT, CampaignStatus.SCHEDULED):
        return _review(request, campaign)
    part = request.GET.get("part", "")
    if part in FRAGMENTS:
        return _fragment(request, campaign, part)
    context: dict[str, Any] = {"campaign": campaign, "polls": campaign.status in LIVE_CAMPAIGNS, "tab": "live"}
    for _, make in FRAGMENTS.values():
        context |= make(campaign)
    return render(request, "campaigns/live.html", context | _tabs(campaign))


def _fragment(request: HttpRequest, campaign: Campaign, part: str) -> HttpResponse:
    template, make = FRAGMENTS[part]
    ended = campaign.status in ENDED_CAMPAIGNS
    context = {"campaign": campaign, "polls": not ended, "fragment": True, **make(campaign)}
    response = render(request, template, context, status=HTMX_STOP_POLLING if ended else 200)
    if request.GET.get("status", campaign.status) != campaign.status:
        response["HX-Refresh"] = "true"
    return response


def _tabs(campaign: Campaign) -> dict[str, int]:
    return {"calls_made": sum(n for *_, n in progress.attempts_in(tallies.of_campaign(campaign.pk)))}


def _review(request: HttpRequest, campaign: Campaign) -> HttpResponse:
    """Who will be called and when it ends; what is to be mended before."""
    context = {
        "campaign": campaign,
        "plan": plan(campaign, timezone.now()),
        "problems": control.problems(campaign),
        "lists": _lists(campaign),
        "retries": campaign.retry_rules.filter(times__gt=0).order_by("outcome"),
        "bot_label": dict(bots.names()).get(campaign.bot, campaign.bot),
        "tab": "plan",
    }
    return render(request, "campaigns/review.html", context)


def _lists(campaign: Campaign) -> list[tuple[ContactList, int]]:
    """The campaign's lists with how many people each has."""
    lists = list(campaign.lists.order_by("name"))
    people = tallies.people_on(one.pk for one in lists)
    return [(one, people[one.pk]) for one in lists]


# -------------------------------------------------------------------------------------------------------- fragments
def _verdict_part(campaign: Campaign) -> dict[str, Any]:
    counts = progress.counts(campaign.pk)
    waiting = progress.waiting(campaign)
    return {"waiting": waiting, "verdict": verdict(campaign, counts, timezone.now(), dialling=waiting is None)}


def _counts_part(campaign: Campaign) -> dict[str, Any]:
    counts = progress.counts(campaign.pk)
    return {
        "counts": counts,
        "contacts": [(state, counts.contacts[state]) for state in PARTS],
        "outcomes": [(outcome, counts.outcomes[outcome]) for outcome in OUTCOMES],
        "reached": sum(counts.outcomes[outcome] for outcome in REACHED),
        "answered": counts.outcomes[Outcome.ANSWERED],
        "provisional": sum(counts.outcomes[outcome] for outcome in REACHED) - counts.confirmed,
        "funnel": progress.funnel(campaign.pk),
        "not_placed": _not_placed(campaign, counts),
    }


def _not_placed(campaign: Campaign, counts: Counts) -> int:
    """People proved never dialled, whom the operator may put back in line."""
    if not counts.uncertain:
        return 0
    return CampaignContact.objects.filter(
        campaign=campaign, state=ContactState.UNCERTAIN, reason_code="not-placed"
    ).count()


def _calls_part(campaign: Campaign) -> dict[str, Any]:
    return {"open_calls": progress.open_calls(campaign.pk)}


def _events_part(campaign: Campaign) -> dict[str, Any]:
    return {"events": progress.recent_events(campaign.pk)}


def _pace_part(campaign: Campaign) -> dict[str, Any]:
    pace = charts.pace(progress.pace_series(campaign.pk), target_of(campaign))
    return {"pace": pace, "pace_form": PaceForm.of(campaign), "account_pace": _account_pace(campaign)}


def _account_pace(campaign: Campaign) -> int:
    """Calls a minute that the account allows."""
    return int(campaign.account.calls_per_minute * pacing.DIAL_SHARE)


def _time_part(campaign: Campaign) -> dict[str, Any]:
    slices = over_time.outcomes_over_time(campaign, timezone.now())
    return {"over_time": charts.outcomes(slices, OUTCOMES)}


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


# ---------------------------------------------------------------------------------------------------------- verdict
def verdict(campaign: Campaign, counts: Counts, now: datetime, *, dialling: bool) -> Verdict:
    """Is it dialling, is it going well, and if not, why: in one sentence."""
    reached = sum(counts.outcomes[outcome] for outcome in REACHED)
    answer = f" {percent(counts.outcomes[Outcome.ANSWERED], reached)} {_answer(campaign)}." if reached else ""
    if campaign.status == CampaignStatus.RUNNING and dialling:
        return _running(campaign, counts, answer, now)
    if campaign.status in LIVE_CAMPAIGNS:
        return _standing(campaign, counts)
    return _ended(campaign, counts, answer)


def _standing(campaign: Campaign, counts: Counts) -> Verdict:
    """Launched, but no call goes out."""
    talks = plural(counts.in_call, "call goes on,calls go on") if counts.in_call else "Nobody is in a call"
    left = f"{plural(counts.left, 'person is,people are')} left to call."
    if campaign.status == CampaignStatus.PAUSED:
        by = f"By {campaign.paused_by}. " if campaign.paused_by else ""
        return Verdict("paused", f"Paused. {talks}.", f"{by}{left}")
    if campaign.status == CampaignStatus.DRAINING:
        return Verdict("draining", f"Stopping. {talks}.", "Nobody else is called.", live=True)
    return Verdict("wait", f"No call goes out now. {talks}.", left)


def _answer(campaign: Campaign) -> str:
    return "answered" if campaign.status in ENDED_CAMPAIGNS else "answer"


def _running(campaign: Campaign, counts: Counts, answer: str, now: datetime) -> Verdict:
    minute = CallAttempt.objects.filter(campaign=campaign, intent_at__gt=now - timedelta(seconds=60))
    pace = minute.exclude(state=AttemptState.REFUSED).count()
    line = f"Dialling {grouped(pace)} of {grouped(round(target_of(campaign)))} calls a minute.{answer}"
    done_at = ends_at(campaign, timedelta(minutes=counts.left / max(pace, 1)), now)
    sub = f"First calls and retries due end about {when(done_at)}." if done_at and counts.left else ""
    return Verdict("running", line, sub, live=True)


def _ended(campaign: Campaign, counts: Counts, answer: str) -> Verdict:
    done, skipped = counts.contacts[ContactState.DONE], counts.contacts[ContactState.SKIPPED]
    took = _took(campaign)
    unsure = f"{plural(counts.uncertain, 'person is,people are')} uncertain. " if counts.uncertain else ""
    not_called = f"{plural(skipped, 'person was,people were')} not called, each with its reason." if skipped else ""
    word = "Completed" if campaign.status == CampaignStatus.COMPLETED else "Stopped"
    line = f"{word}. {grouped(done)} of {plural(counts.total, 'person,people')} done.{answer}"
    return Verdict(campaign.status, line, f"{took}{unsure}{not_called}")


def _took(campaign: Campaign) -> str:
    if not campaign.ended_at or not campaign.launched_at:
        return ""
    return f"Took {span((campaign.ended_at - campaign.launched_at).total_seconds())}. "


# ----------------------------------------------------------------------------------------------------------- people
@require_GET
def contacts(request: HttpRequest, campaign_id: int) -> HttpResponse:
    """The campaign's people, by state, found by name or last digits; each with its reason and its time."""
    campaign = get_object_or_404(Campaign.objects.select_related("account", "launched_by"), pk=campaign_id)
    state, search = request.GET.get("state", ""), request.GET.get("q", "").strip()
    rows = CampaignContact.objects.all()
    if state in ContactState.values:
        rows = rows.filter(state=state)
    if last_digits := digits.in_number(search):
        rows = digits.ending_in(rows, last_digits)
    elif search:
        rows = rows.filter(name__icontains=search)
    last = CallAttempt.objects.filter(campaign_contact=OuterRef("pk")).order_by("-ordinal").values("pk")[:1]
    counts = progress.counts(campaign.pk)
    context = {
        "campaign": campaign,
        "page": page_by_id(
            rows.annotate(last_call=Subquery(last)),
            {"campaign_id": campaign_id},
            request.GET,
            searched=bool(search and not last_digits),
        ),
        "counts": counts,
        "states": [(value, counts.contacts[value]) for value in PARTS],
        "state": state,
        "q": search,
        "tab": "contacts",
        **_tabs(campaign),
    }
    return render(request, "campaigns/contacts.html", context)
