"""The overview: is it dialling, is it going well, and if not, why. For an empty installation: the next step."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from campaigns import progress, tallies
from campaigns.lifecycle import LIVE_CAMPAIGNS, CampaignStatus, Outcome
from campaigns.models import Campaign, ContactList, ExotelAccount, Pacer
from campaigns.progress import FunnelStep
from campaigns.templatetags.dialer import display_zone, plural
from campaigns.views.alerts import Alert, alerts
from campaigns.views.campaigns import Summary, in_order, summaries
from campaigns.views.context import default_account
from campaigns.views.day import axis_of, strip
from campaigns.views.shares import shares

REACHED = (Outcome.ANSWERED, Outcome.BUSY, Outcome.NO_ANSWER, Outcome.FAILED, Outcome.CANCELLED)


@dataclass(frozen=True)
class Today:
    """Since midnight in the display zone; `reached` are calls with an outcome of their own."""

    dialled: int
    answered: int
    reached: int
    goal: int
    opted_out: int


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """The page; for htmx only what changes."""
    account, now = default_account(), timezone.now()
    live = summaries(in_order(Campaign.objects.filter(is_test=False, status__in=LIVE_CAMPAIGNS))[:50])
    pacer = Pacer.objects.filter(account=account).first() if account else None
    needing = alerts(account, pacer, live, now)
    part = shares([summary.campaign for summary in live], now)
    figures = today(account, now)
    context = {
        "moment": now,
        "running": [(summary, part[summary.campaign.pk]) for summary in live],
        "strip": strip(live, _ended_today(now), part, now),
        "drafts": in_order(Campaign.objects.filter(is_test=False, status=CampaignStatus.DRAFT))[:5],
        "alerts": needing,
        "line": _line(account, live, needing),
        "today": figures,
        "funnel": funnel(figures),
        "has_lists": ContactList.objects.exists(),
        "has_campaigns": Campaign.objects.filter(is_test=False).exists(),
    }
    template = "_overview.html" if request.htmx else "home.html"  # type: ignore[attr-defined]
    return render(request, template, context)


def _ended_today(now: datetime) -> list[Campaign]:
    """The latest four that ended since the axis of the day began."""
    ended = Campaign.objects.filter(is_test=False, ended_at__gte=axis_of(now).start, launched_at__isnull=False)
    return list(ended.select_related("account").order_by("-ended_at")[:4])


def _line(account: ExotelAccount | None, live: list[Summary], needing: list[Alert]) -> str:
    count = sum(alert.state == "bad" for alert in needing)
    needs = f" {plural(count, 'thing needs,things need')} you." if count else ""
    if account is None:
        return "No account to call through yet."
    pulse = progress.pulse(account)
    if pulse.dialling:
        return f"Dialling {plural(pulse.per_minute, 'call,calls')} a minute.{needs}"
    if live:
        return f"Nobody is being dialled.{needs} {plural(len(live), 'campaign waits,campaigns wait')}."
    return f"Nobody is being dialled; no campaign runs.{needs}"


def today(account: ExotelAccount | None, now: datetime) -> Today:
    """Figures of the kind of account that the frame tells about: simulated calls never mix with real ones."""
    midnight = now.astimezone(display_zone()).replace(hour=0, minute=0, second=0, microsecond=0)
    campaigns = Campaign.objects.filter(
        Q(ended_at__isnull=True) | Q(ended_at__gte=midnight),
        is_test=False,
        account__kind=account.kind if account else "",
        launched_at__isnull=False,
    )
    sums = tallies.since(campaigns.values_list("pk", flat=True), midnight)
    return Today(
        dialled=sums.get("dialled", 0),
        answered=sums.get(f"outcome:{Outcome.ANSWERED}", 0),
        reached=sum(sums.get(f"outcome:{outcome}", 0) for outcome in REACHED),
        goal=sums.get("kind:goal", 0),
        opted_out=sums.get("kind:stop", 0),
    )


def funnel(day: Today) -> list[FunnelStep]:
    """Where today's calls stop."""
    return [
        FunnelStep("Dialled", "none", day.dialled, 0),
        FunnelStep("With an outcome", "no-answer", day.reached, day.dialled),
        FunnelStep("Answered", "answered", day.answered, day.reached),
        FunnelStep("Goal", "goal", day.goal, day.answered),
    ]
