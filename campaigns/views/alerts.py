"""What needs a person: each with what happened, what follows from it, and where to mend it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Q
from django.urls import reverse

from campaigns import heartbeat, holds, stall_watch, unanswered
from campaigns.lifecycle import CampaignStatus, ContactState
from campaigns.models import Campaign, CampaignContact, ExotelAccount, Pacer, Recording
from campaigns.models.recordings import GIVEN_UP
from campaigns.progress import (
    CHECK_THE_WORKER,
    MORE_WORKERS,
    NO_THREAD,
    SILENT_AFTER,
    going_since,
    needs_a_person,
    no_worker,
)
from campaigns.templatetags.dialer import plural, when, without_numbers
from campaigns.views.campaigns import Summary

LOOKED_BACK = timedelta(days=7)
MOST_COUNTED = 1000
ASKED_AGAIN = "Calls whose callbacks do not come stay open until it does. It is asked again and again by itself."
RESTORED = "The people who were called since the copy was made would be called again. Do not resume by hand."


@dataclass(frozen=True)
class Alert:
    """`state` is bad (it needs you) or wait (it ends by itself)."""

    state: str
    what: str
    then: str
    link: str
    label: str


def alerts(account: ExotelAccount | None, pacer: Pacer | None, live: Sequence[Summary], now: datetime) -> list[Alert]:
    """Everything that needs somebody, worst first; nothing at all when nothing does."""
    if account is None or pacer is None:
        return []
    found = [*_account(pacer), *_worker(pacer, live, now), *_campaigns(pacer, live), *_stalls(pacer, now)]
    found += _questions(pacer, now)
    return [*found, *_not_started(account), *_uncertain(account, now), *_recordings(account, now)]


def _account(pacer: Pacer) -> Iterator[Alert]:
    if not pacer.held_code:
        return
    since = when(pacer.held_since)
    why = without_numbers(pacer.held_reason)
    if pacer.probe_at:
        then = f"Looked at again {when(pacer.probe_at)}, by itself."
        yield Alert("wait", f"Waiting since {since}: {why}", then, reverse("settings"), "Open the settings")
    elif pacer.held_code == holds.RESTORED:
        yield Alert("bad", f"Paused since {since}: {why}", RESTORED, reverse("campaigns"), "See the campaigns")
    else:
        then = "Nobody is dialled until you say that it is mended."
        yield Alert("bad", f"Held since {since}: {why}", then, reverse("settings"), "Open the settings")


def _worker(pacer: Pacer, live: Sequence[Summary], now: datetime) -> Iterator[Alert]:
    """Nobody is there to dial; or somebody is, and no loop was seen although a campaign was launched long ago."""
    worker = heartbeat.worker_seen()
    if heartbeat.gone(worker, now):
        yield Alert("bad", no_worker(worker, now), CHECK_THE_WORKER, reverse("doctor"), "Open the doctor")
        return
    running = [one.campaign for one in live if one.campaign.status == CampaignStatus.RUNNING]
    if needs_a_person(pacer) or not running or (pacer.loop_seen_at and now - pacer.loop_seen_at <= SILENT_AFTER):
        return
    began = min(going_since(running).values(), default=now)
    seen = max(filter(None, (pacer.loop_seen_at, began)))
    if now - seen <= SILENT_AFTER:
        return
    if heartbeat.threads_taken(now):
        yield Alert("wait", NO_THREAD, MORE_WORKERS, reverse("doctor"), "Open the doctor")
    else:
        what = f"A worker is there, but none is dialling since {when(seen)}."
        yield Alert("bad", what, CHECK_THE_WORKER, reverse("doctor"), "Open the doctor")


def _campaigns(pacer: Pacer, live: Sequence[Summary]) -> Iterator[Alert]:
    """Held campaigns; a held account is told once, not once for each of its campaigns."""
    for summary in live:
        campaign = summary.campaign
        by_dialer = campaign.paused_by in ("", "Dialer")
        if summary.held and by_dialer and not (pacer.held_reason and pacer.held_reason == summary.waiting):
            yield Alert(
                "bad", campaign.name, without_numbers(summary.waiting), reverse("campaign", args=[campaign.pk]), "Look"
            )


def _stalls(pacer: Pacer, now: datetime) -> Iterator[Alert]:
    """Campaigns that run and have dialled nobody for minutes, for reasons that nothing above tells."""
    stalls = stall_watch.lasting(now).filter(campaign__account=pacer.account_id)
    for stall in stalls.exclude(code__in=("no-worker", "no-thread", *stall_watch.STOPPED, pacer.held_code))[:5]:
        what = f"{stall.campaign.name} has dialled nobody since {when(stall.began_at)}."
        yield Alert("bad", what, without_numbers(stall.reason), reverse("campaign", args=[stall.campaign_id]), "Look")


def _questions(pacer: Pacer, now: datetime) -> Iterator[Alert]:
    if unanswered.lasts(pacer, now):
        yield Alert("wait", unanswered.sentence(pacer), ASKED_AGAIN, reverse("doctor"), "Open the doctor")


def _not_started(account: ExotelAccount) -> Iterator[Alert]:
    """Campaigns that were to start by themselves, and could not."""
    drafts = Campaign.objects.filter(account__kind=account.kind, status=CampaignStatus.DRAFT, paused_by="Dialer")
    for campaign in drafts.exclude(paused_reason="")[:5]:
        what = f"{campaign.name} did not start."
        yield Alert(
            "bad", what, without_numbers(campaign.paused_reason), reverse("campaign", args=[campaign.pk]), "Look"
        )


def _uncertain(account: ExotelAccount, now: datetime) -> Iterator[Alert]:
    """People whom nobody dials before somebody decides, of campaigns that run or ended lately."""
    recent = Q(status__in=(CampaignStatus.RUNNING, CampaignStatus.PAUSED)) | Q(ended_at__gt=now - LOOKED_BACK)
    campaigns = Campaign.objects.filter(recent, account__kind=account.kind, is_test=False)
    rows = CampaignContact.objects.filter(campaign__in=list(campaigns[:200]), state=ContactState.UNCERTAIN)
    for pk, name, count in rows.values_list("campaign", "campaign__name").annotate(n=Count("pk")).order_by("campaign"):
        people = plural(count, "person is,people are")
        then = "We cannot say whether their phone rang. Nobody dials them by itself."
        link = f"{reverse('campaign-contacts', args=[pk])}?state=uncertain"
        yield Alert("wait", f"{people} uncertain in {name}.", then, link, "See them")


def _recordings(account: ExotelAccount, now: datetime) -> Iterator[Alert]:
    rows = Recording.objects.filter(
        status__in=GIVEN_UP, attempt__account_kind=account.kind, changed_at__gt=now - LOOKED_BACK
    )
    count = rows[:MOST_COUNTED].count()
    if count:
        missing = plural(count, "recording is,recordings are")
        then = "Exotel did not have them ready within a day, or what it offered may not be kept."
        yield Alert("wait", f"{missing} missing.", then, reverse("recordings-missing"), "See why")
