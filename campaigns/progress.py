"""The read side: counts, funnel, pace, slots, and the reason for waiting, in words. Writes nothing."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Max
from django.utils import timezone

from campaigns import eligibility, gaps, heartbeat, history, learning, pacing, stalls, tallies
from campaigns.lifecycle import (
    DUE_CONTACTS,
    OPEN_ATTEMPTS,
    AttemptState,
    CampaignStatus,
    ContactState,
    Outcome,
)
from campaigns.models import (
    AuditEntry,
    CallAttempt,
    Campaign,
    ExotelAccount,
    Mode,
    Pacer,
    StreamEntry,
)

recent_events, TimelineLine = history.recent, history.TimelineLine

UNKNOWN = "unknown"
_SAID: Mapping[str, str] = {"prompt": "Bot: {}", "heard": "“{}”", "key": "Pressed {}", "disposition": "Result: {}"}
EVERYTHING_SAID = tuple(_SAID)
REACHED = (Outcome.ANSWERED, Outcome.NO_ANSWER, Outcome.BUSY, Outcome.FAILED, Outcome.CANCELLED)  # the carrier's words
SILENT_AFTER = timedelta(seconds=15)  # a loop unseen for this long dials nothing
NO_THREAD = "Every dialling thread drives another account now; the turn of this one comes."
MORE_WORKERS = "It goes on by itself; another dial worker drives more accounts at once."
CHECK_THE_WORKER = "Check that the worker and the clock (dial, beat) run; see their logs."


@dataclass(frozen=True)
class Counts:
    """`contacts` by state (every state, zeros too); `outcomes` by outcome, of attempts, with "unknown" beside them."""

    contacts: Mapping[str, int]
    outcomes: Mapping[str, int]
    attempts: int  # that rang, or may have
    slots_used: int
    confirmed: int  # outcomes that agree with Exotel's call details
    tried: int  # people whom a call has rung, or may have
    spent: Decimal  # by the carrier's own word, of calls whose details are known

    @property
    def total(self) -> int:
        return sum(self.contacts.values())

    @property
    def in_call(self) -> int:
        return self.contacts[ContactState.IN_CALL]

    @property
    def uncertain(self) -> int:
        return self.contacts[ContactState.UNCERTAIN]

    @property
    def reached(self) -> int:
        """Calls with an outcome of the carrier's."""
        return sum(self.outcomes[outcome] for outcome in REACHED)

    @property
    def not_reached(self) -> int:
        """People who are called no more although nobody knows of a call to them that came to an end."""
        return self.contacts[ContactState.SKIPPED] + self.uncertain

    @property
    def left(self) -> int:
        return sum(self.contacts[state] for state in DUE_CONTACTS)


@dataclass(frozen=True)
class Waiting:
    """Why nobody is being dialled now. `held`: it needs you; else it ends by itself, `until` if that is known."""

    held: bool
    code: str
    reason: str
    until: datetime | None = None
    hint: str = ""


@dataclass(frozen=True)
class Pulse:
    """The account at a glance. `state` is a data-state word."""

    dialling: bool
    slots_used: int
    slots: int
    per_minute: int
    limit: int
    state: str
    label: str
    reason: str = ""


@dataclass(frozen=True)
class OpenCall:
    attempt_id: int
    name: str
    phone: str
    state: str
    since: datetime
    said: str = ""
    can_end: bool = False  # a bot talks: the end of its stream ends the call


@dataclass(frozen=True)
class FunnelStep:
    """`of` is the step before, `whole` what it is called there; 0 and '' for the first."""

    label: str
    state: str
    count: int
    of: int = 0
    whole: str = ""


def counts(campaign_id: int) -> Counts:
    """From the maintained counts: it costs the same for ten people and for a million. Two queries."""
    sums = tallies.of_campaign(campaign_id)
    outcomes = dict.fromkeys((*Outcome.values, UNKNOWN), 0)
    rang = 0
    for state, outcome, n in attempts_in(sums):
        rang += n if state != AttemptState.REFUSED else 0
        if outcome:
            outcomes[outcome] += n
        elif state == AttemptState.UNKNOWN:
            outcomes[UNKNOWN] += n
    return Counts(
        contacts={state: sums.get(f"contact:{state}", 0) for state in ContactState.values},
        outcomes=outcomes,
        attempts=rang,
        slots_used=CallAttempt.objects.filter(campaign_id=campaign_id, slot_released_at__isnull=True).count(),
        confirmed=sums.get("confirmed", 0),
        tried=sums.get("tried", 0),
        spent=tallies.spent(sums),
    )


def attempts_in(sums: Mapping[str, int]) -> Iterator[tuple[str, str, int]]:
    """(state, outcome, number of attempts) out of a campaign's tallies."""
    for measure, n in sums.items():
        if measure.startswith("attempt:"):
            _, state, outcome = measure.split(":")
            yield state, outcome, n


def waiting(campaign: Campaign) -> Waiting | None:
    """The first reason, in the order of the intent's own checks, why this campaign dials nobody now; None: it dials."""
    if campaign.status == CampaignStatus.PAUSED:
        return _paused(campaign)
    if campaign.status != CampaignStatus.RUNNING:
        return None
    now = pacing.db_now()
    account = campaign.account
    pacer = Pacer.objects.get(account=account)
    undriven = pacer.loop_seen_at is None or now - pacer.loop_seen_at > SILENT_AFTER
    if undriven and not needs_a_person(pacer):
        return _no_loop(campaign, now)
    used = pacing.slots_used(account.pk)
    block = stalls.reason(campaign, pacer, used, now)
    if block is None or block.code in ("account-pace", "campaign-pace"):
        return None
    return Waiting(
        held=block.held, code=block.code, reason=block.reason, until=block.until, hint=_HINTS.get(block.code, "")
    )


def needs_a_person(pacer: Pacer) -> bool:
    """Whether the account is held until somebody acts: that no loop drives it before says nothing."""
    return bool(pacer.held_code) and pacer.probe_at is None


def going_since(campaigns: Sequence[Campaign]) -> dict[int, datetime]:
    """When each of these began to run, or was resumed last; without those never launched. One query."""
    subjects = {f"campaign:{campaign.pk}": campaign.pk for campaign in campaigns}
    rows = AuditEntry.objects.filter(subject__in=subjects, action="resume").values_list("subject")
    resumed = {subjects[subject]: at for subject, at in rows.annotate(last=Max("at"))}
    launched = {campaign.pk: campaign.launched_at for campaign in campaigns if campaign.launched_at}
    return {pk: max(at, resumed.get(pk, at)) for pk, at in launched.items()}


def _nobody_dials(now: datetime) -> str:
    """A worker that is gone altogether is another trouble than one that is there and does not drive this account."""
    seen = heartbeat.worker_seen()
    return no_worker(seen, now) if heartbeat.gone(seen, now) else "A worker is there, but none is dialling."


def no_worker(seen: datetime | None, now: datetime) -> str:
    """The sentence for when nobody is there to dial."""
    if seen is None:
        return "Nothing will be dialled: no worker has been seen yet."
    seconds = round((now - seen).total_seconds())
    ago = f"{seconds} s" if seconds < 120 else f"{seconds // 60} min" if seconds < 7200 else f"{seconds // 3600} h"
    return f"Nothing will be dialled: no worker has been seen for {ago}."


def _no_loop(campaign: Campaign, now: datetime) -> Waiting:
    """Nobody drives the account: who does waits for a lock, nobody is there, or somebody is about to come."""
    if lock := stalls.lock_wait():
        hint = "End that session, or let it finish; dialling goes on by itself."
        return Waiting(held=True, code="database-lock", reason=lock, hint=hint)
    since = going_since([campaign]).get(campaign.pk, now)
    if now - since > SILENT_AFTER:
        if heartbeat.threads_taken(now):
            return Waiting(held=False, code="no-thread", reason=NO_THREAD, hint=MORE_WORKERS)
        return Waiting(held=True, code="no-worker", reason=_nobody_dials(now), hint=CHECK_THE_WORKER)
    return Waiting(held=False, code="starting", reason="The dialling worker starts within seconds.")


def _paused(campaign: Campaign) -> Waiting:
    by_us = campaign.paused_by == "Dialer"
    reason = campaign.paused_reason or f"Paused by {campaign.paused_by or 'somebody'}."
    mend = by_us and gaps.HOW not in reason  # which says what to do
    return Waiting(held=by_us, code="paused", reason=reason, hint="Mend the cause, then resume." if mend else "")


_HINTS: Mapping[str, str] = {
    "ended": "Who was not called is skipped; calls that are open end by themselves.",
    "hours": "Calls start again by themselves.",
    "silent-calls": "Check that Exotel reaches the public address (see the doctor). Exotel is asked about each call.",
    "only-uncertain": "Exotel is asked about them; those proved never dialled you may call from this page.",
    "unauthorised": "Correct the key, token or region (EXOTEL_…) and restart: dialling then goes on by itself.",
    "payment": "Recharge the Exotel account, then say that it is mended in Settings, or resume_campaign.",
    "forbidden": "Settle it with Exotel (KYC, permissions, addresses), then say so in Settings, or resume_campaign.",
    "not-found": "Correct the account SID or the region (EXOTEL_…) and restart: dialling then goes on by itself.",
    "bot-trouble": "Our media address is asked every 30 seconds, then one person is called: it goes on by itself.",
    "calls-fail": "One person is called every 30 seconds; dialling starts again by itself.",
    "careful": "It goes faster by itself, as soon as a call has gone well.",
    "unknowns": "A question goes to Exotel every 30 seconds; dialling starts again by itself.",
    "restored": "Run resume_campaign ID --after-restore (see the guide, After a restore).",
    "unreachable": "A question goes to Exotel every 30 seconds; dialling starts again by itself.",
}


def pulse(account: ExotelAccount) -> Pulse:
    """Slots, calls in the last 60 seconds, and whether the account dials."""
    now = timezone.now()
    used = eligibility.total(pacing.slots_used(account.pk))
    recent = CallAttempt.objects.filter(account=account, intent_at__gt=now - timedelta(seconds=60))
    per_minute = recent.exclude(state=AttemptState.REFUSED).count()
    pacer = Pacer.objects.get(account=account)
    running = Campaign.objects.filter(account=account, status=CampaignStatus.RUNNING).exists()
    limit = eligibility.rate(account, pacer)
    figures: dict[str, Any] = {
        "slots_used": used,
        "slots": account.max_concurrent,
        "per_minute": per_minute,
        "limit": limit,
    }
    if pacer.held_code:
        state = "bad" if pacer.probe_at is None else "wait"
        return Pulse(dialling=False, state=state, label="Held", reason=pacer.held_reason, **figures)
    seen = heartbeat.worker_seen()
    if heartbeat.gone(seen, now):
        return Pulse(dialling=False, state="bad", label="No worker", reason=no_worker(seen, now), **figures)
    slower = learning.why_slower(account, pacer)
    if not running:
        return Pulse(dialling=False, state="pending", label="Idle", reason=slower, **figures)
    return Pulse(dialling=True, state="running", label="Dialling", reason=slower, **figures)


def open_calls(campaign_id: int, limit: int = 20) -> list[OpenCall]:
    """Calls open now, longest first, each with the last thing that was said on its stream."""
    rows = (
        CallAttempt.objects.filter(campaign_id=campaign_id, state__in=OPEN_ATTEMPTS)
        .exclude(state=AttemptState.UNKNOWN)
        .select_related("campaign_contact")
        .order_by("intent_at")[:limit]
    )
    attempts = list(rows)
    said = last_words([attempt.pk for attempt in attempts])
    return [_open_call(attempt, said.get(attempt.pk, "")) for attempt in attempts]


def open_total(campaign_id: int) -> int:
    """How many calls are open now; never more than the campaign has slots."""
    rows = CallAttempt.objects.filter(campaign_id=campaign_id, state__in=OPEN_ATTEMPTS)
    return rows.exclude(state=AttemptState.UNKNOWN).count()


def _open_call(attempt: CallAttempt, said: str) -> OpenCall:
    in_call = attempt.state == AttemptState.ANSWERED
    return OpenCall(
        attempt_id=attempt.pk,
        name=attempt.campaign_contact.name,
        phone=attempt.phone,
        state="in-call" if in_call else "ringing",
        since=attempt.answered_at or attempt.intent_at,
        said=said if in_call else "Ringing",
        can_end=in_call and attempt.mode == Mode.BOT,
    )


def last_words(attempt_ids: Sequence[int], kinds: Iterable[str] = EVERYTHING_SAID) -> dict[int, str]:
    """The last thing that was said in each of these calls, with who said it; calls without a word are absent."""
    rows = (
        StreamEntry.objects.filter(stream__attempt__in=attempt_ids, kind__in=tuple(kinds))
        .order_by("stream__attempt", "-at", "-id")
        .distinct("stream__attempt")
        .values_list("stream__attempt", "kind", "text")
    )
    return {attempt: _SAID[kind].format(text) for attempt, kind, text in rows}


def funnel(campaign_id: int) -> list[FunnelStep]:
    """Where contacts stop: contacts, dialled, answered, responded (who hung up or pressed nothing did not), goal."""
    sums = tallies.of_campaign(campaign_id)
    total = sum(n for measure, n in sums.items() if measure.startswith("contact:"))
    dialled, answered, said, goal = (sums.get(step, 0) for step in ("tried", "answered", "responded", "goal"))
    steps = (
        ("Contacts", "pending", total),
        ("Dialled", "none", dialled, total, "contacts"),
        ("Answered", "answered", answered, dialled, "dialled"),
        ("Responded", "answered", said, answered, "answered"),
        ("Goal", "goal", goal, said, "responded"),
    )
    return [FunnelStep(*step) for step in steps]


def pace_series(campaign_id: int, minutes: int = 60) -> list[tuple[datetime, int]]:
    """Calls placed in each of the last minutes, oldest first, zeros included."""
    now = timezone.now().replace(second=0, microsecond=0)
    first = now - timedelta(minutes=minutes - 1)
    known = tallies.dialled_each_minute(campaign_id, first)
    return [(at, known.get(at, 0)) for at in (first + timedelta(minutes=i) for i in range(minutes))]


def display_zone() -> ZoneInfo:
    return ZoneInfo(settings.DISPLAY_TIME_ZONE)
