"""Step 1 of dialing: the intent, written before anything is sent. A short transaction, of one call in the usual case.

A loop that was kept from its work for a moment finds the turns of several calls near: they share a transaction, and
with it some of the trips to the server, so that the loop is on time again soon.

The account's pacer row is locked first. Every check after that is a statement of its own, because a statement counts
with the snapshot of its own start, and one that began before the lock was granted would count too few open calls.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import IntegrityError, transaction

from campaigns import breakers, eligibility, failpoints, pacing, turns
from campaigns.dial_requests import dial_request
from campaigns.eligibility import Block
from campaigns.exotel.payloads import ConnectRequest
from campaigns.lifecycle import (
    CAMPAIGN_CONTACT,
    DUE_CONTACTS,
    AttemptState,
    ContactState,
    advance,
)
from campaigns.models import CallAttempt, Campaign, CampaignContact, ExotelAccount, Pacer
from campaigns.statements import plan_anew
from campaigns.turns import Line, Slots, Turn, nobody_at_the_gate, people, running_campaigns

__all__ = [
    "BATCHES",
    "Intent",
    "Reached",
    "Wait",
    "connect_request",
    "dialing",
    "next_intent",
    "next_intents",
    "nobody_due",
    "people",
    "running_campaigns",
    "stream_parameters",
]

BATCHES = (1, 10, 40, 40, 40, 40)  # people looked at together; who may not be called is moved out of the way in bulk
TOGETHER = 4  # intents of one transaction, at most
NEAREST = 0.004  # seconds between turns: at paces that no loop keeps, sharing costs more than it saves
CATCH_UP = 2.0  # turns (for each unit of weight) that a campaign which could not dial for a while may catch up
POST_SECONDS = 10  # how long our POST may take: added to how long a slot may be held
HEARTBEAT = timedelta(seconds=2)
IDLE = timedelta(seconds=1)
ONCE = "one_open_attempt_per_person"  # the constraint that decides between accounts


@dataclass(frozen=True)
class Intent:
    """Permission to POST once, at `leaves_at` of the database's clock, which said `looked_at` at `heard`.

    `heard` and `committed_by` are of time.monotonic(); the latter is no later than the commit. `steps` are the seconds
    between two requests, by what keeps that pace.
    """

    attempt_id: int
    campaign_id: int
    request: ConnectRequest
    account: "Reached"
    steps: Mapping[str, float]
    leaves_at: datetime
    looked_at: datetime
    heard: float
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


def next_intents(
    account_id: int, owner: int, slots: Slots | None = None, *, most: int = TOGETHER, line: Line = nobody_at_the_gate
) -> Sequence[Intent] | Wait:
    """Grant the next calls of the account to the dial loop `owner`, or say what it waits for.

    It is one call; up to `most` if the turns of the next ones are as near (pacing.AHEAD). `slots` is what the loop
    knows of open calls from its turns before; without it they are counted. `line` tells how many seconds those at the
    gate of a pace still wait there.
    """
    try:
        return _next_intents(account_id, owner, slots or Slots(), most, line)
    except IntegrityError as twice:
        if ONCE not in str(twice):
            raise
        # Another account of this kind wrote an intent for the same person a moment ago; the next look sees it.
        return Wait(Block("in-call-elsewhere", "Another call to this person was placed just now."), 0.05)


def next_intent(account_id: int, owner: int, slots: Slots | None = None) -> Intent | Wait:
    """The same for one call."""
    step = next_intents(account_id, owner, slots, most=1)
    return step if isinstance(step, Wait) else step[0]


def _next_intents(account_id: int, owner: int, slots: Slots, most: int, line: Line) -> Sequence[Intent] | Wait:
    with transaction.atomic():
        turn = turns.take(account_id, owner, slots, line)
        heard = time.monotonic()
        _beat(turn.pacer, owner, turn.now)
        if not turn.owner_alive:
            return Wait(Block("owner", "This dial loop has lost its lock."), 0, work=False)
        granted = _grant(turn, owner)
        if isinstance(granted, Wait):
            return granted
        together = [_intent(*granted, turn, heard)]
        while len(together) < most and (another := _another(turn, owner)):
            together.append(_intent(*another, turn, heard))
        return together


def _intent(attempt: CallAttempt, campaign: Campaign, turn: Turn, heard: float) -> Intent:
    failpoints.reach("intent.written")
    # The time is taken before the commit is sent: whoever acts on it can only be too careful.
    return Intent(
        attempt.pk,
        campaign.pk,
        connect_request(attempt, campaign),
        Reached.of(campaign.account),
        _steps(campaign, turn.pacer),
        attempt.intent_at,
        turn.now,
        heard,
        committed_by=time.monotonic(),
    )


def _steps(campaign: Campaign, pacer: Pacer) -> dict[str, float]:
    """Those of the paces themselves, not rounded. A campaign is planned with a little more (pacing.AIM), so that who
    was late does not stay behind the plan for ever."""
    return {"account": pacing.dial_seconds(campaign.account, pacer), _pace(campaign): _own_step(campaign)}


def _pace(campaign: Campaign) -> str:
    return f"campaign {campaign.pk}"


def _own_step(campaign: Campaign) -> float:
    return 1 / float(campaign.calls_per_second)


def connect_request(attempt: CallAttempt, campaign: Campaign) -> ConnectRequest:
    """What is asked of Exotel for one attempt, which was just written with the campaign's own settings."""
    parameters = stream_parameters(campaign, attempt.campaign_contact)
    return dial_request(campaign, attempt.phone, campaign_id=campaign.pk, attempt_id=attempt.pk, parameters=parameters)


def stream_parameters(campaign: Campaign, contact: CampaignContact) -> dict[str, str]:
    """The columns of this person that the campaign sends to the stream, by name."""
    columns = {"name": contact.name} | contact.variables
    return {name: str(columns.get(name, "")) for name in campaign.stream_parameters}


def _beat(pacer: Pacer, owner: int, now: datetime) -> None:
    """The loop's heartbeat, for the page that says whether anybody dials."""
    if pacer.loop_owner != owner or pacer.loop_seen_at is None or now - pacer.loop_seen_at > HEARTBEAT:
        pacer.loop_owner, pacer.loop_seen_at = owner, now
        pacer.save(update_fields=["loop_owner", "loop_seen_at"])
        plan_anew()


def _grant(turn: Turn, owner: int) -> tuple[CallAttempt, Campaign] | Wait:
    if not turn.running:
        return Wait(Block("nothing", "No campaign is running."), IDLE.total_seconds(), work=False)
    now = turn.now
    if block := _surely(turn, _account_blocked):
        return _wait([block], now)
    blocks = []
    for campaign in turn.running:
        blocked = _surely(turn, partial(_blocked, campaign))
        if blocked and blocked.code in breakers.TRIPS:
            breakers.trip(campaign, turn.running, now)
            blocked = _surely(turn, partial(_blocked, campaign))
        chosen = blocked or _next_contact(campaign, now)
        if isinstance(chosen, CampaignContact):
            return _give(turn, campaign, chosen, owner)
        blocks.append(chosen)
    return _wait(blocks, now)


def _another(turn: Turn, owner: int) -> tuple[CallAttempt, Campaign] | None:
    """One more call in the transaction of the one before, if nothing at all speaks against it at first sight.

    Not while another account may write intents for the same people: each would wait for the other's.
    """
    if turn.pacer.probing or any(_own_step(one) < NEAREST for one in turn.running) or _account_blocked(turn):
        return None
    running = sorted(turn.running, key=lambda one: (one.pace.served / max(one.weight, 1), one.pk))
    for campaign in (one for one in running if not _blocked(one, turn)):
        if not turn.alone:
            return None
        for contact, person in turns.due(campaign, turn.now, 1).items():
            blocked = eligibility.contact_block(contact, campaign, person, turn.now)
            return None if blocked else _give(turn, campaign, contact, owner)
    return None


def _give(turn: Turn, campaign: Campaign, contact: CampaignContact, owner: int) -> tuple[CallAttempt, Campaign]:
    _level(campaign, turn.running[-1])
    breakers.tried(campaign, turn.now)
    turn.slots.granted(campaign.pk)
    return _write(turn.pacer, campaign, contact, owner, turn.now), campaign


def _surely(turn: Turn, blocked: Callable[[Turn], Block | None]) -> Block | None:
    """What blocks; nobody is told to wait for a slot that may be free: then the slots are counted first."""
    block = blocked(turn)
    if block and block.code in eligibility.WAITS_FOR_SLOT and not turn.counted:
        turn.count()
        block = blocked(turn)
    return block


def _account_blocked(turn: Turn) -> Block | None:
    account, used = turn.running[0].account, eligibility.total(turn.used)
    return eligibility.account_block(turn.pacer, account, used, dialing(turn.pacer), turn.now)


def _blocked(campaign: Campaign, turn: Turn) -> Block | None:
    return (
        eligibility.campaign_block(campaign, campaign.pace, turn.used.get(campaign.pk, 0), turn.now)
        or eligibility.streams_block(campaign, turn.pacer, turn.running, turn.used, turn.now)
        or _late_at_the_gate(campaign, turn)
    )


def _late_at_the_gate(campaign: Campaign, turn: Turn) -> Block | None:
    """One that is far behind its plan would wait at the gate, and whoever comes after it there as well."""
    ahead = pacing.AHEAD.total_seconds()
    waits = turn.line(_pace(campaign)) + _own_step(campaign)
    if waits <= 2 * ahead:
        return None
    until = turn.now + timedelta(seconds=waits - ahead)
    return Block("campaign-pace", "The campaign's last call waits for its turn.", until=until)


def _level(campaign: Campaign, most_served: Campaign) -> None:
    """Turns missed in closed hours or a pause are not made up for: that would keep everybody else waiting."""
    level = most_served.pace.served / max(most_served.weight, 1) - CATCH_UP
    campaign.pace.served = max(campaign.pace.served, int(level * max(campaign.weight, 1)))


def dialing(pacer: Pacer) -> int:
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
    for size in BATCHES:
        known = turns.due(campaign, now, size)
        if not known:
            return nobody_due(campaign, now)
        blocks = {one: eligibility.contact_block(one, campaign, person, now) for one, person in known.items()}
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
    """The intent itself: the attempt, the contact's new state, and both paces one step on from when it leaves."""
    account, pace = campaign.account, campaign.pace
    step, own_step = pacing.dial_step(account, pacer), eligibility.campaign_step(campaign)
    leaves_at = max(pacing.turn(pacer.next_dial_at, now, step), pacing.turn(pace.next_dial_at, now, own_step), now)
    over = leaves_at + timedelta(seconds=campaign.ring_timeout + campaign.time_limit + POST_SECONDS)
    attempt = CallAttempt(
        account_id=account.pk,
        account_kind=account.kind,
        campaign_id=campaign.pk,
        campaign_contact=contact,
        generation=campaign.generation,
        campaign_version=campaign.version,
        phone=contact.phone,
        caller_id=campaign.caller_id,
        ring_timeout=campaign.ring_timeout,
        time_limit=campaign.time_limit,
        mode=campaign.mode,
        owner=owner,
        intent_at=leaves_at,
        slot_expires_at=over,
        proof_at=over + timedelta(seconds=account.reporting_lag),
    )
    pacer.next_dial_at = pacing.advance(pacer.next_dial_at, leaves_at, step)
    pace.next_dial_at = pacing.advance(pace.next_dial_at, leaves_at, own_step)
    pace.served += 1
    turns.write(attempt, pacer, pace)
    return attempt
