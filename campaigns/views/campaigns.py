"""The list of campaigns, and what a person does to one: launch, pause, resume, stop, duplicate."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Case, IntegerField, QuerySet, Value, When
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from campaigns import adjusting, control, creating, eligibility, filters, intents, pacing, progress, streams, tallies
from campaigns.audit import Actor
from campaigns.calling_hours import Window
from campaigns.control import NotAllowed
from campaigns.creating import CampaignPlan, Retry
from campaigns.forms.pace import PaceForm
from campaigns.lifecycle import CampaignStatus, ContactState, Outcome
from campaigns.models import Campaign, Pacer
from campaigns.tallies import Sums

ORDER = (
    CampaignStatus.RUNNING,
    CampaignStatus.PAUSED,
    CampaignStatus.DRAINING,
    CampaignStatus.SCHEDULED,
    CampaignStatus.DRAFT,
)
PARTS = tuple(
    map(str, (ContactState.DONE, ContactState.IN_CALL, ContactState.RETRY, ContactState.PENDING,
              ContactState.UNCERTAIN, ContactState.SKIPPED))
)  # fmt: skip
FLEETING = frozenset(
    {"account-pace", "campaign-pace", "account-slots", "campaign-slots", "careful", "streams"}
)  # over before it is read


@dataclass(frozen=True)
class Summary:
    """A campaign on a list: its people by state, and why it waits ("" when it does not).

    `answered` of the `reached` calls, those with an outcome of the carrier's, were answered.
    """

    campaign: Campaign
    parts: Sequence[tuple[str, int]]
    waiting: str
    held: bool
    answered: int = 0
    reached: int = 0

    @property
    def total(self) -> int:
        return sum(count for _, count in self.parts)

    @property
    def left(self) -> int:
        counts = dict(self.parts)
        return counts[ContactState.PENDING] + counts[ContactState.RETRY]

    @property
    def done(self) -> int:
        """As on the campaign's own page: called, and no further call is planned."""
        return dict(self.parts)[ContactState.DONE]


@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """Live ones first, then the newest."""
    pages = Paginator(in_order(Campaign.objects.filter(is_test=False)), 50)
    page = pages.get_page(request.GET.get("page"))
    return render(request, "campaigns/index.html", {"page": page, "summaries": summaries(page.object_list)})


def in_order(campaigns: QuerySet[Campaign]) -> QuerySet[Campaign]:
    place = Case(
        *(When(status=status, then=Value(rank)) for rank, status in enumerate(ORDER)),
        default=Value(len(ORDER)),
        output_field=IntegerField(),
    )
    return campaigns.select_related("account", "pace", "breaker").order_by(place, "-created_at", "-pk")


def summaries(campaigns: Iterable[Campaign]) -> list[Summary]:
    """With a number of queries that does not grow with the number of campaigns."""
    found = list(campaigns)
    sums = tallies.of_campaigns(campaign.pk for campaign in found)
    reasons = _reasons([campaign for campaign in found if campaign.status == CampaignStatus.RUNNING])
    return [
        Summary(
            campaign,
            _parts(sums[campaign.pk]),
            *reasons.get(campaign.pk, _standing(campaign)),
            *_calls(sums[campaign.pk]),
        )
        for campaign in found
    ]


def _parts(sums: Sums) -> list[tuple[str, int]]:
    """People by state, in the order of a bar."""
    return [(state, sums.get(f"contact:{state}", 0)) for state in PARTS]


def _calls(sums: Sums) -> tuple[int, int]:
    """(answered, reached)."""
    by_outcome = Counter[str]()
    for _, outcome, count in progress.attempts_in(sums):
        by_outcome[outcome] += count
    return by_outcome[Outcome.ANSWERED], sum(by_outcome[outcome] for outcome in progress.REACHED)


def _reasons(running: Sequence[Campaign]) -> dict[int, tuple[str, bool]]:
    """Why each of these places no call now, by id: (sentence, needs a person)."""
    now = timezone.now()
    found = {}
    for pacer in Pacer.objects.filter(account__campaigns__in=running).distinct().select_related("account"):
        used = pacing.slots_used(pacer.account_id)
        out = intents.dialing(pacer)
        account = eligibility.account_block(pacer, pacer.account, eligibility.total(used), out, now)
        for campaign in running:
            if campaign.account_id == pacer.account_id:
                block = account or eligibility.campaign_block(campaign, campaign.pace, used.get(campaign.pk, 0), now)
                if block and block.code not in FLEETING:
                    found[campaign.pk] = (block.reason, block.held)
    return found


def _standing(campaign: Campaign) -> tuple[str, bool]:
    """What is to be said of a campaign that is not running, or that nothing stops."""
    if campaign.status == CampaignStatus.PAUSED:
        return f"Paused by {campaign.paused_by or 'Dialer'}. {campaign.paused_reason}".strip(), True
    if campaign.status == CampaignStatus.DRAINING:
        return "No new calls; the last talks end by themselves.", False
    return "", False


# ------------------------------------------------------------------------------------------------------------- acts
def _act(request: HttpRequest, campaign_id: int, act: Callable[..., object], done: str) -> HttpResponse:
    """One act of control; refused in words, and back to the campaign either way."""
    campaign = get_object_or_404(Campaign, pk=campaign_id)
    try:
        act(campaign_id, by=Actor.of(request.user))
    except NotAllowed as refused:
        for problem in refused.problems:
            messages.error(request, problem)
    else:
        messages.success(request, done.format(name=campaign.name))
    return redirect("campaign", campaign_id)


@require_POST
def launch(request: HttpRequest, campaign_id: int) -> HttpResponse:
    return _act(request, campaign_id, control.launch, "Launched {name}. People are called from now on.")


@require_POST
def pause(request: HttpRequest, campaign_id: int) -> HttpResponse:
    return _act(
        request, campaign_id, control.pause, "Paused {name}. No new call from now on; talks go on to their end."
    )


@require_POST
def resume(request: HttpRequest, campaign_id: int) -> HttpResponse:
    return _act(request, campaign_id, control.resume, "Resumed {name}.")


@require_POST
def dial_uncertain(request: HttpRequest, campaign_id: int) -> HttpResponse:
    return _act(request, campaign_id, control.dial_uncertain, "People proved never dialled are in line again.")


@require_POST
def adjust(request: HttpRequest, campaign_id: int) -> HttpResponse:
    """Another pace and number of slots, without a pause."""
    form = PaceForm(request.POST)
    if not form.is_valid():
        for errors in form.errors.values():
            messages.error(request, str(errors[0]))
        return redirect("campaign", campaign_id)
    change = partial(adjusting.adjust, **form.change)
    return _act(request, campaign_id, change, "Changed the pace of {name}, from the next call on.")


@require_http_methods(["GET", "POST"])
def stop(request: HttpRequest, campaign_id: int) -> HttpResponse:
    """A GET asks, also whether live calls finish or are hung up; a POST stops."""
    if request.method == "POST":
        hang_up = request.POST.get("live") == "hang-up"
        done = "Stopped {name}. Nobody else is called." + (" Live calls are being hung up." if hang_up else "")
        return _act(request, campaign_id, partial(control.stop, hang_up=hang_up), done)
    campaign = get_object_or_404(Campaign.objects.select_related("account", "pace"), pk=campaign_id)
    counts = dict(_parts(tallies.of_campaign(campaign.pk)))
    left = counts[ContactState.PENDING] + counts[ContactState.RETRY]
    context = {"campaign": campaign, "left": left, "called": counts[ContactState.DONE]}
    return render(request, "campaigns/stop.html", context | {"open": streams.open_calls(campaign.pk)})


@require_POST
def duplicate(request: HttpRequest, campaign_id: int) -> HttpResponse:
    """A new draft with the same settings."""
    campaign = get_object_or_404(Campaign.objects.select_related("account"), pk=campaign_id)
    plan = plan_of(campaign)
    ends_at = plan.ends_at if plan.ends_at and plan.ends_at > timezone.now() else None
    again = replace(plan, name=f"{plan.name[:112]}, again", ends_at=ends_at)
    try:
        copy = creating.create(again, by=Actor.of(request.user))
    except NotAllowed as refused:
        messages.error(request, str(refused))
        return redirect("campaign", campaign_id)
    messages.success(request, "Copied. Nobody is called before you launch it.")
    return redirect("campaign-edit", copy.pk)


def plan_of(campaign: Campaign) -> CampaignPlan:
    """The plan that would make the same campaign again."""
    same = {name: getattr(campaign, name) for name in _SAME}
    return CampaignPlan(
        lists=list(campaign.lists.all()),
        audience=filters.from_json(campaign.audience),
        window=Window(campaign.window_start, campaign.window_end),
        retries=[Retry(rule.outcome, rule.times, rule.delay_minutes) for rule in campaign.retry_rules.all()],
        audio={one.option: (one.file_name, bytes(one.content)) for one in campaign.audio.all()},
        **same,
    )


_SAME = (
    *("name", "account", "bot_options", "stream_parameters", "calls_per_second", "max_concurrent"),
    *(name for name in creating.COPIED if name != "is_test"),
)
