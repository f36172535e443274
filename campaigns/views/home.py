"""The overview: is it dialling, is it going well, and if not, why. For an empty installation: the next step."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from campaigns import progress
from campaigns.lifecycle import LIVE_CAMPAIGNS, AttemptState, CampaignStatus, Outcome
from campaigns.models import CallAttempt, Campaign, ContactList, ExotelAccount, Pacer
from campaigns.templatetags.dialer import display_zone, plural
from campaigns.views.campaigns import Summary, in_order, summaries
from campaigns.views.context import default_account


@dataclass(frozen=True)
class Today:
    """Since midnight in the display zone; `reached` are calls with an outcome of their own."""

    dialled: int
    people: int
    answered: int
    reached: int
    goal: int
    opted_out: int


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """The page; for htmx only what changes."""
    account = default_account()
    now = timezone.now()
    live = summaries(in_order(Campaign.objects.filter(is_test=False, status__in=LIVE_CAMPAIGNS))[:50])
    pacer = Pacer.objects.filter(account=account).first() if account else None
    needing = [summary for summary in live if summary.held and _is_its_own(summary, pacer)]
    context = {
        "moment": now,
        "summaries": live,
        "drafts": in_order(Campaign.objects.filter(is_test=False, status=CampaignStatus.DRAFT))[:5],
        "pacer": pacer,
        "needing": needing,
        "line": _line(account, pacer, live, needing),
        "today": today(account, now),
        "has_lists": ContactList.objects.exists(),
        "has_campaigns": Campaign.objects.filter(is_test=False).exists(),
    }
    template = "_overview.html" if request.htmx else "home.html"  # type: ignore[attr-defined]
    return render(request, template, context)


def _is_its_own(summary: Summary, pacer: Pacer | None) -> bool:
    """A held account is told once, not once for each of its campaigns."""
    by_dialer = summary.campaign.paused_by in ("", "Dialer")
    return by_dialer and not (pacer and pacer.held_reason and pacer.held_reason == summary.waiting)


def _line(account: ExotelAccount | None, pacer: Pacer | None, live: list[Summary], needing: list[Summary]) -> str:
    count = len(needing) + bool(pacer and pacer.held_code and pacer.probe_at is None)
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
    calls = CallAttempt.objects.filter(
        intent_at__gte=midnight, account_kind=account.kind if account else "", campaign__is_test=False
    ).exclude(state=AttemptState.REFUSED)
    reached = [Outcome.ANSWERED, Outcome.BUSY, Outcome.NO_ANSWER, Outcome.FAILED, Outcome.CANCELLED]
    sums = calls.aggregate(
        dialled=Count("pk"),
        people=Count("phone", distinct=True),
        answered=Count("pk", filter=Q(outcome=Outcome.ANSWERED)),
        reached=Count("pk", filter=Q(outcome__in=reached)),
        goal=Count("pk", filter=Q(disposition_kind="goal")),
        opted_out=Count("pk", filter=Q(disposition_kind="stop")),
    )
    return Today(**sums)
