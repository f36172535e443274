"""The overview: is it dialling, is it going well, and if not, why. For an empty installation: the next step."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from campaigns import audiences, filters, progress, tallies
from campaigns.lifecycle import LIVE_CAMPAIGNS, CampaignStatus, Outcome
from campaigns.models import Campaign, ContactList, ExotelAccount, Pacer
from campaigns.progress import FunnelStep
from campaigns.tallies import Sums
from campaigns.templatetags.dialer import display_zone, plural
from campaigns.views import charts
from campaigns.views.alerts import Alert, alerts
from campaigns.views.campaigns import Summary, in_order, summaries
from campaigns.views.charts import Spark
from campaigns.views.context import default_account
from campaigns.views.day import axis_of, strip
from campaigns.views.heat import heat
from campaigns.views.shares import shares

HALF_HOUR = 30
COUNTED_FOR = 300  # seconds
SAID = (
    ("goal", "Goal"),
    ("progress", "Call back or paid"),
    ("objection", "Dispute or no"),
    ("stop", "Opt-out, wrong person"),
    ("none", "No result"),
)


@dataclass(frozen=True)
class Today:
    """Since midnight in the display zone; `reached` are calls with an outcome of the carrier's.

    `kinds` are results of talks by kind, and "none" for talks without one; `slices` the same by half hours.
    """

    dialled: int
    answered: int
    reached: int
    kinds: Mapping[str, int]
    spent: Decimal
    slices: Mapping[datetime, Sums]

    @property
    def goal(self) -> int:
        return self.kinds["goal"]

    @property
    def opted_out(self) -> int:
        return self.kinds["stop"]


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """The page; for htmx only what changes. When people answer changes too slowly to be asked for again."""
    account, now = default_account(), timezone.now()
    swapped = bool(request.htmx)  # type: ignore[attr-defined]
    live = _live()
    found = _needing(account, live, now)
    part = shares([summary.campaign for summary in live], now)
    figures = today(account, now)
    context = {
        "moment": now,
        "running": [(summary, part[summary.campaign.pk]) for summary in live],
        "strip": strip(live, _ended_today(now), part, now, planned=_planned_today(now)),
        "drafts": in_order(Campaign.objects.filter(is_test=False, status=CampaignStatus.DRAFT))[:5],
        "alerts": found,
        "needs": found,
        "line": _line(account, live, found),
        "today": figures,
        "funnel": funnel(figures),
        "said": list(figures.kinds.items()),
        "said_words": [(kind, words, figures.kinds[kind]) for kind, words in SAID],
        "sparks": _sparks(figures, now),
        "swapped": swapped,
        "heat": heat(account.kind, now) if account and not swapped else None,
        "has_lists": ContactList.objects.exists(),
        "has_campaigns": Campaign.objects.filter(is_test=False).exists(),
    }
    return render(request, "_overview.html" if swapped else "home.html", context)


def _planned_today(now: datetime) -> list[tuple[Campaign, int]]:
    """The next four that start by themselves before the axis of the day ends, with how many people they have."""
    rows = Campaign.objects.filter(status=CampaignStatus.SCHEDULED, scheduled_at__lt=axis_of(now).end, is_test=False)
    found = list(rows.select_related("account").prefetch_related("lists").order_by("scheduled_at", "pk")[:4])
    people = tallies.people_on(each.pk for one in found for each in one.lists.all())
    return [(one, _about(one, people, now)) for one in found]


def _about(campaign: Campaign, people: Mapping[int, int], now: datetime) -> int:
    """How many people it is to call."""
    sizes = {each.pk: people[each.pk] for each in campaign.lists.all()}
    if not campaign.audience:
        return sum(sizes.values())
    return _matching(json.dumps(campaign.audience), tuple(sizes.items()), now.timestamp() // COUNTED_FOR)


@lru_cache(maxsize=64)
def _matching(audience: str, sizes: tuple[tuple[int, int], ...], _: float) -> int:
    """Remembered for a while: the overview is drawn every few seconds, and this is a pale bar in it."""
    lists = list(ContactList.objects.filter(pk__in=dict(sizes)))
    return audiences.matching(lists, filters.from_json(json.loads(audience)), dict(sizes)).people


def _sparks(day: Today, now: datetime) -> dict[str, Spark | None]:
    whole = charts.whole(day.slices, timedelta(minutes=HALF_HOUR), now)
    return {
        "dialled": charts.spark_of(whole, "dialled"),
        "answered": charts.spark_of_share(day.slices),
        "goal": charts.spark_of(whole, "kind:goal"),
    }


def needing() -> list[Alert]:
    """Everything that needs somebody now, for the mark beside the overview in the navigation."""
    return _needing(default_account(), _live(), timezone.now())


def _live() -> list[Summary]:
    return summaries(in_order(Campaign.objects.filter(is_test=False, status__in=LIVE_CAMPAIGNS))[:50])


def _needing(account: ExotelAccount | None, live: list[Summary], now: datetime) -> list[Alert]:
    pacer = Pacer.objects.filter(account=account).first() if account else None
    return alerts(account, pacer, live, now)


def _ended_today(now: datetime) -> list[Campaign]:
    """The latest four that ended since the axis of the day began."""
    ended = Campaign.objects.filter(is_test=False, ended_at__gte=axis_of(now).start, launched_at__isnull=False)
    return list(ended.select_related("account").order_by("-ended_at")[:4])


def _line(account: ExotelAccount | None, live: list[Summary], found: list[Alert]) -> str:
    needs = f" {plural(len(found), 'thing needs,things need')} you." if found else ""
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
    slices = tallies.in_slices(campaigns.values_list("pk", flat=True), midnight, HALF_HOUR)
    sums: Counter[str] = Counter()
    for counted in slices.values():
        sums.update(counted)
    answered = sums[f"outcome:{Outcome.ANSWERED}"]
    kinds = {kind: sums[f"kind:{kind}"] for kind, _ in SAID}
    kinds["none"] += max(0, answered - sum(kinds.values()))
    return Today(
        dialled=sums["dialled"],
        answered=answered,
        reached=sum(sums[f"outcome:{outcome}"] for outcome in progress.REACHED),
        kinds=kinds,
        spent=tallies.spent(sums),
        slices=slices,
    )


def funnel(day: Today) -> list[FunnelStep]:
    """Where today's calls stop."""
    talked = sum(count for kind, count in day.kinds.items() if kind != "none")
    return [
        FunnelStep("Dialled", "none", day.dialled),
        FunnelStep("Answered", "answered", day.answered, day.dialled, "dialled"),
        FunnelStep("Responded", "answered", talked, day.answered, "answered"),
        FunnelStep("Goal", "goal", day.goal, talked, "responded"),
    ]
