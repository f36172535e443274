"""When an account stops dialling by itself, why, and how it starts again.

A hold with a probe ends by itself: every PROBE_EVERY a question that costs no contact is asked; once Exotel
answers it, one call at a time goes out ("half-open") until one is certain. If that call comes to nothing known either,
it cost a person, and the next waits twice as long. A hold without a probe needs a person.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F

from campaigns import audit, pacing
from campaigns.audit import DIALER, Actor
from campaigns.lifecycle import CAMPAIGN, CampaignStatus, advance
from campaigns.models import Campaign, Pacer

PROBE_EVERY = timedelta(seconds=30)
LONGEST_REST = pacing.LONGEST_REST
UNKNOWNS_IN_ROW = 8
UNKNOWNS_OF_LAST = (12, 20)  # 60 % of the last 20
NOT_SENT_IN_ROW = 5
UNSAID_PAUSE = 5.0  # seconds, after a 429 without Retry-After

MISCONFIGURED = "misconfigured"
UNKNOWNS = "unknowns"
UNREACHABLE = "unreachable"
PROBED = (UNKNOWNS, UNREACHABLE)
RESTORED = "restored"  # the database has forgotten calls: see campaigns.gaps


@dataclass(frozen=True)
class Hold:
    code: str
    reason: str
    probes: bool


def put(pacer: Pacer, hold: Hold, now: datetime) -> None:
    """Hold the account (its pacer is locked by the caller). A hold that needs a person is replaced by RESTORED only."""
    if pacer.held_code and pacer.probe_at is None and hold.code != RESTORED:
        return
    first = pacer.held_code != hold.code
    pacer.held_code, pacer.held_reason, pacer.probing = hold.code, hold.reason, False
    pacer.held_since = now if first else pacer.held_since
    rest = min(max(PROBE_EVERY, timedelta(seconds=pacer.probe_seconds)), LONGEST_REST)
    pacer.probe_at = now + rest if hold.probes else None
    pacer.save(update_fields=["held_code", "held_reason", "held_since", "probe_at", "probing"])
    if first:
        audit.record(DIALER, "hold", f"account:{pacer.account_id}", code=hold.code, reason=hold.reason)


def note_configured(pacer: Pacer, trouble: str, now: datetime) -> None:
    """Whether the account's settings can be used at all: '' or what is wrong with them."""
    if trouble:
        put(pacer, Hold(MISCONFIGURED, f"The account's settings cannot be used: {trouble}.", probes=False), now)
    elif pacer.held_code == MISCONFIGURED:
        lift(pacer, DIALER)


def lift(pacer: Pacer, by: Actor) -> None:
    """Dial again (the pacer is locked by the caller)."""
    if not pacer.held_code:
        return
    audit.record(by, "lift hold", f"account:{pacer.account_id}", code=pacer.held_code)
    pacer.held_code, pacer.held_reason, pacer.held_since = "", "", None
    pacer.probe_at, pacer.probing = None, False
    pacer.recent, pacer.not_sent_in_row, pacer.probe_seconds = "", 0, 0
    pacer.save()


def lift_settled(pacer: Pacer, by: Actor) -> bool:
    """Lift a hold that waits for a person; True if there was one. One that is probed ends by itself, and RESTORED by
    a look at Exotel's list."""
    if not pacer.held_code or pacer.probe_at is not None or pacer.held_code in (*PROBED, RESTORED):
        return False
    lift(pacer, by)
    return True


def note_certain(pacer: Pacer) -> None:
    """A POST whose fate is known: Exotel is there, and an outage is over."""
    before = pacer.recent, pacer.not_sent_in_row
    pacer.recent, pacer.not_sent_in_row = (pacer.recent + "+")[-20:], 0
    if (pacer.recent, pacer.not_sent_in_row) != before:
        pacer.save(update_fields=["recent", "not_sent_in_row"])
    if pacer.held_code in PROBED:
        lift(pacer, DIALER)


def note_unknown(pacer: Pacer, reason: str, now: datetime) -> None:
    """A POST of unknown fate; eight in a row, or 12 of the last 20, are an outage."""
    pacer.recent = (pacer.recent + "?")[-20:]
    if pacer.probing:
        last = max(PROBE_EVERY.total_seconds(), pacer.probe_seconds)
        pacer.probe_seconds = min(int(2 * last), int(LONGEST_REST.total_seconds()))
    pacer.save(update_fields=["recent", "probe_seconds"])
    in_row = len(pacer.recent) - len(pacer.recent.rstrip("?"))
    enough, of_last = UNKNOWNS_OF_LAST
    if in_row >= UNKNOWNS_IN_ROW or (len(pacer.recent) >= of_last and pacer.recent.count("?") >= enough):
        put(
            pacer,
            Hold(UNKNOWNS, f"Exotel took calls without telling us what became of them ({reason}).", probes=True),
            now,
        )
    elif pacer.probing:
        put(pacer, Hold(pacer.held_code, pacer.held_reason, probes=True), now)


def note_not_sent(pacer: Pacer, reason: str, now: datetime) -> None:
    """A POST that never left, for no lateness of our own; nobody was called, so this costs time only."""
    pacer.not_sent_in_row += 1
    pacer.save(update_fields=["not_sent_in_row"])
    if pacer.not_sent_in_row >= NOT_SENT_IN_ROW or pacer.probing:
        put(pacer, Hold(UNREACHABLE, f"No request reaches Exotel: {reason}.", probes=True), now)


def asked(pacer: Pacer, now: datetime, *, answers: bool) -> None:
    """The free question of a probe was answered, or not (the pacer is locked by the caller): half-open, if it was."""
    if not pacer.held_code or pacer.probe_at is None:
        return
    pacer.probing, pacer.probe_at = answers, now + PROBE_EVERY
    pacer.save(update_fields=["probing", "probe_at"])


def pause(campaign: Campaign, reason: str, now: datetime) -> None:
    """Pause a running campaign for a reason that a person must mend (the account's pacer is locked by the caller)."""
    rows = Campaign.objects.filter(pk=campaign.pk)
    said: dict[str, Any] = {"paused_by": "Dialer", "paused_reason": reason, "generation": F("generation") + 1}
    if campaign.status == CampaignStatus.RUNNING and advance(
        rows, CAMPAIGN, CampaignStatus.PAUSED, field="status", **said
    ):
        audit.record(DIALER, "pause", f"campaign:{campaign.pk}", reason=reason, at=now.isoformat())


def back_off(account_id: int, retry_after: float | None) -> None:
    """A question was answered 429: dialing and questions wait together, and never less than they wait already."""
    with transaction.atomic():
        pacer, now = pacing.lock_now(account_id)
        until = now + timedelta(seconds=retry_after or UNSAID_PAUSE)
        if pacer.backoff_until is None or pacer.backoff_until < until:
            pacer.backoff_until, pacer.backoff_reason = until, ""
        pacer.save(update_fields=["backoff_until", "backoff_reason"])
