"""Step 1 of dialing: the intent, written before anything is sent. One short transaction per call.

The account's pacer row is locked first. Every check after that is a statement of its own, because a statement counts
with the snapshot of its own start, and one that began before the lock was granted would count too few open calls.
"""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Count, F, Max, Min
from django.db.models.functions import Greatest

from campaigns import addresses, eligibility, pacing
from campaigns.eligibility import Block, Person
from campaigns.exotel.payloads import ConnectRequest
from campaigns.lifecycle import (
    CAMPAIGN_CONTACT,
    DUE_CONTACTS,
    OPEN_ATTEMPTS,
    AttemptState,
    CampaignStatus,
    ContactState,
    advance,
)
from campaigns.models import CallAttempt, Campaign, CampaignContact, ExotelAccount, Mode, Pacer, Suppression
from campaigns.models.accounts import CREDENTIALS

BATCHES = (1, 10, 40, 40, 40, 40)  # people looked at together; who may not be called is moved out of the way in bulk
CATCH_UP = 2.0  # turns (for each unit of weight) that a campaign which could not dial for a while may catch up
POST_SECONDS = 10  # how long our POST may take: added to how long a slot may be held
HEARTBEAT = timedelta(seconds=2)
IDLE = timedelta(seconds=1)


@dataclass(frozen=True)
class Intent:
    """Permission to POST once. `committed_by` is a time.monotonic() no later than the commit."""

    attempt_id: int
    campaign_id: int
    request: ConnectRequest
    account: "Reached"
    committed_by: float


@dataclass(frozen=True)
class Reached:
    """How the account is reached, as set at the moment of the intent."""

    api_url: str
    account_sid: str
    spelling: str
    time_zone: str

    @classmethod
    def of(cls, account: ExotelAccount) -> "Reached":
        return cls(account.api_url, account.account_sid, account.spelling, account.time_zone)


@dataclass(frozen=True)
class Wait:
    """Nobody may be dialled now, and why; `seconds` is when to ask again, `work` whether any campaign runs."""

    block: Block
    seconds: float
    work: bool = True


def next_intent(account_id: int, owner: int) -> Intent | Wait:
    """Grant the next call of the account to the dial loop `owner`, or say what it waits for."""
    try:
        return _next_intent(account_id, owner)
    except IntegrityError:
        # Another account of this kind wrote an intent for the same person a moment ago; the next look sees it.
        return Wait(Block("in-call-elsewhere", "Another call to this person was placed just now."), 0.05)


def _next_intent(account_id: int, owner: int) -> Intent | Wait:
    with transaction.atomic():
        pacer = pacing.lock(account_id)
        now = pacing.db_now()
        _beat(pacer, owner, now)
        if not pacing.owner_alive(owner):
            return Wait(Block("owner", "This dial loop has lost its lock."), 0, work=False)
        granted = _grant(pacer, owner, now)
        if isinstance(granted, Wait):
            return granted
        attempt, campaign = granted
        # The time is taken before the commit is sent: whoever acts on it can only be too careful.
        request, account = connect_request(attempt, campaign), Reached.of(campaign.account)
        return Intent(attempt.pk, campaign.pk, request, account, time.monotonic())


def connect_request(attempt: CallAttempt, campaign: Campaign) -> ConnectRequest:
    """What is asked of Exotel for one attempt."""
    bot = campaign.mode == Mode.BOT
    return ConnectRequest(
        number=attempt.phone,
        caller_id=attempt.caller_id,
        mode="bot" if bot else "flow",
        stream_url=_stream_url(attempt, campaign) if bot else "",
        stream_name=campaign.stream_name if bot else "",
        flow_url="" if bot else campaign.flow_url,
        time_limit=attempt.time_limit,
        ring_timeout=attempt.ring_timeout,
        record=campaign.record,
        recording_channels="dual" if campaign.recording_channels == "dual" else "single",
        status_callback=addresses.status_callback(attempt.pk),
        status_callback_events=("terminal", "answered"),
        custom_field=addresses.custom_field(campaign.pk, attempt.pk),
    )


def _stream_url(attempt: CallAttempt, campaign: Campaign) -> str:
    parameters = stream_parameters(campaign, attempt.campaign_contact)
    return addresses.stream(attempt.pk, campaign.sample_rate, parameters)


def stream_parameters(campaign: Campaign, contact: CampaignContact) -> dict[str, str]:
    """The columns of this person that the campaign sends to the stream, by name."""
    columns = {"name": contact.name} | contact.variables
    return {name: str(columns.get(name, "")) for name in campaign.stream_parameters}


def running_campaigns(account_id: int) -> list[Campaign]:
    """Running campaigns of the account; the one that got least for its weight comes first."""
    return list(
        Campaign.objects.filter(account_id=account_id, status=CampaignStatus.RUNNING)
        .select_related("pace", "account")
        .defer(*(f"account__{name}" for name in CREDENTIALS))
        .order_by(F("pace__served") * 1.0 / Greatest(F("weight"), 1), "pk")
    )


def people(phones: Iterable[str], account: ExotelAccount, now: datetime) -> dict[str, Person]:
    """What eligibility needs to know about each number, in three queries."""
    phones = set(phones)
    suppressed = dict(Suppression.objects.filter(phone__in=phones).values_list("phone", "reason"))
    in_call = set(
        CallAttempt.objects.filter(account_kind=account.kind, phone__in=phones, state__in=OPEN_ATTEMPTS).values_list(
            "phone", flat=True
        )
    )
    today = _calls_today(phones, account, now) if account.daily_cap else {}
    return {phone: Person(suppressed.get(phone), phone in in_call, *today.get(phone, (0, None))) for phone in phones}


def _calls_today(phones: set[str], account: ExotelAccount, now: datetime) -> dict[str, tuple[int, datetime | None]]:
    since = now - timedelta(hours=24)
    rows = (
        CallAttempt.objects.filter(account_kind=account.kind, phone__in=phones, intent_at__gt=since)
        .exclude(state=AttemptState.REFUSED)
        .values_list("phone")
        .annotate(n=Count("pk"), first=Min("intent_at"))
    )
    return {phone: (n, first + timedelta(hours=24)) for phone, n, first in rows}


def _beat(pacer: Pacer, owner: int, now: datetime) -> None:
    """The loop's heartbeat, for the page that says whether anybody dials."""
    if pacer.loop_owner != owner or pacer.loop_seen_at is None or now - pacer.loop_seen_at > HEARTBEAT:
        pacer.loop_owner, pacer.loop_seen_at = owner, now
        pacer.save(update_fields=["loop_owner", "loop_seen_at"])


def _grant(pacer: Pacer, owner: int, now: datetime) -> tuple[CallAttempt, Campaign] | Wait:
    campaigns = running_campaigns(pacer.account_id)
    if not campaigns:
        return Wait(Block("nothing", "No campaign is running."), IDLE.total_seconds(), work=False)
    account = campaigns[0].account
    used = pacing.slots_used(account.pk)
    block = eligibility.account_block(pacer, account, eligibility.total(used), _dialing(pacer), now)
    if block:
        return _wait([block], now)
    blocks = []
    for campaign in campaigns:
        blocked = eligibility.campaign_block(campaign, campaign.pace, used.get(campaign.pk, 0), now)
        chosen = blocked or _next_contact(campaign, now)
        if isinstance(chosen, CampaignContact):
            _level(campaign, campaigns[-1])
            return _write(pacer, campaign, chosen, owner, now), campaign
        blocks.append(chosen)
    return _wait(blocks, now)


def _level(campaign: Campaign, most_served: Campaign) -> None:
    """Turns missed in closed hours or a pause are not made up for: that would keep everybody else waiting."""
    level = most_served.pace.served / max(most_served.weight, 1) - CATCH_UP
    campaign.pace.served = max(campaign.pace.served, int(level * max(campaign.weight, 1)))


def _dialing(pacer: Pacer) -> int:
    """POSTs on their way; asked only while the account is half-open."""
    if not pacer.probing:
        return 0
    return CallAttempt.objects.filter(account_id=pacer.account_id, state=AttemptState.DIALING).count()


def _wait(blocks: Sequence[Block], now: datetime) -> Wait:
    soonest = min(blocks, key=lambda block: block.until or now + IDLE)
    until = min(soonest.until or now + IDLE, now + IDLE)
    return Wait(soonest, max((until - now).total_seconds(), 0.0))


def _next_contact(campaign: Campaign, now: datetime) -> CampaignContact | Block:
    """The next person of the campaign who may be called, locked; others at the head of the queue step aside."""
    due = CampaignContact.objects.filter(campaign=campaign, state__in=DUE_CONTACTS, prepared=True)
    for size in BATCHES:
        batch = list(due.filter(due_at__lte=now).order_by("due_at", "pk").select_for_update(skip_locked=True)[:size])
        if not batch:
            return nobody_due(campaign, now)
        known = people((contact.phone for contact in batch), campaign.account, now)
        blocks = {contact: eligibility.contact_block(contact, campaign, known[contact.phone], now) for contact in batch}
        chosen = next((contact for contact, block in blocks.items() if block is None), None)
        _step_aside(blocks, now, until=chosen)
        if chosen is not None:
            return chosen
    return Block("busy-queue", "Moving people who may not be called now out of the way.", until=now)


def _step_aside(blocks: dict[CampaignContact, Block | None], now: datetime, until: CampaignContact | None) -> None:
    """Skip or put off those before `until`, with the reason, grouped so that it costs a statement a reason."""
    groups: dict[Block, list[int]] = {}
    for contact, block in blocks.items():
        if contact is until:
            break
        if block is not None:
            groups.setdefault(block, []).append(contact.pk)
    for block, ids in groups.items():
        rows = CampaignContact.objects.filter(pk__in=ids)
        said: dict[str, Any] = {"reason_code": block.code, "reason": block.reason[:300], "changed_at": now}
        if block.final:
            advance(rows, CAMPAIGN_CONTACT, ContactState.SKIPPED, **said)
        else:
            rows.update(due_at=block.until or now + timedelta(minutes=1), **said)


def nobody_due(campaign: Campaign, now: datetime) -> Block:
    due = CampaignContact.objects.filter(campaign=campaign, state__in=DUE_CONTACTS)
    if campaign.enrolled_at is None:
        return Block("enrolling", "People are still being added to the campaign.")
    if due.filter(prepared=False, due_at__lte=now).exists():
        return Block("preparing", "The bot's messages are being prepared.")
    later = due.filter(prepared=True, due_at__gt=now).order_by("due_at").values_list("due_at", flat=True).first()
    if later:
        return Block("retry-later", "Everybody left is to be called later.", until=later)
    return Block("nobody-left", "Nobody is left to call.")


def _write(pacer: Pacer, campaign: Campaign, contact: CampaignContact, owner: int, now: datetime) -> CallAttempt:
    """The intent itself: the attempt, the contact's new state, and both paces one step on."""
    account = campaign.account
    over = now + timedelta(seconds=campaign.ring_timeout + campaign.time_limit + POST_SECONDS)
    last = CallAttempt.objects.filter(campaign_contact=contact).aggregate(last=Max("ordinal"))["last"] or 0
    attempt = CallAttempt.objects.create(
        account=account,
        account_kind=account.kind,
        campaign=campaign,
        campaign_contact=contact,
        ordinal=last + 1,
        generation=campaign.generation,
        phone=contact.phone,
        caller_id=campaign.caller_id,
        ring_timeout=campaign.ring_timeout,
        time_limit=campaign.time_limit,
        mode=campaign.mode,
        owner=owner,
        intent_at=now,
        slot_expires_at=over,
        proof_at=over + timedelta(seconds=account.reporting_lag),
    )
    advance(
        CampaignContact.objects.filter(pk=contact.pk),
        CAMPAIGN_CONTACT,
        ContactState.IN_CALL,
        tries=F("tries") + 1,
        reason_code="",
        reason="",
        changed_at=now,
    )
    pacer.next_dial_at = pacing.advance(pacer.next_dial_at, now, pacing.dial_step(account))
    pacer.save(update_fields=["next_dial_at"])
    pace = campaign.pace
    pace.next_dial_at = pacing.advance(pace.next_dial_at, now, eligibility.campaign_step(campaign))
    pace.served += 1
    pace.save(update_fields=["next_dial_at", "served"])
    return attempt
