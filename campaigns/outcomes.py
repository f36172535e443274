"""Apply what anybody says about a call, and decide what becomes of the person: retry, done, uncertain.

Statements may come doubled, in any order, before our own POST's answer and after the end. Each is a conditional
update against the transition tables, so the order does not matter; what contradicts is kept and flagged, and the
call details decide. Lock order: attempt, then campaign contact.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F, Value
from django.db.models.functions import Coalesce

from campaigns import audit, breakers, disproofs, eligibility, failpoints, matching, off_list, pacing, suppressing
from campaigns.audit import DIALER
from campaigns.exotel.numbers import alike, canonical, same_number
from campaigns.exotel.sids import same_sid
from campaigns.lifecycle import (
    ATTEMPT,
    CAMPAIGN,
    CAMPAIGN_CONTACT,
    CORRECTED,
    OPEN_ATTEMPTS,
    AttemptState,
    CampaignStatus,
    ContactState,
    Outcome,
    advance,
)
from campaigns.models import CallAttempt, Campaign, CampaignContact, EventSource, Mode, Suppression, UnknownPolicy
from campaigns.models.accounts import CREDENTIALS

CONFIRM_AFTER = timedelta(seconds=120)  # Exotel's price and duration settle in about two minutes
STREAM_GRACE = timedelta(seconds=10)  # how long after a stream's end the callback may take before we ask
RING_GRACE = timedelta(seconds=10)
LOOK_IN = timedelta(seconds=40)  # the longest before Exotel is first asked about a call of which nobody speaks
GOES_ON_WITHIN = timedelta(hours=1)  # of its completion a campaign goes on for somebody who is due after all
DIALLING_CAMPAIGNS = (CampaignStatus.RUNNING, CampaignStatus.PAUSED)
STOPPED_CAMPAIGNS = (CampaignStatus.DRAINING, CampaignStatus.CANCELLED)
FINAL_DISPOSITIONS = ("goal", "stop")  # nobody who said so is called again
# Let in by our signature and a CallSid that no other attempt has: campaigns.streams, campaigns.matching.
ADMITTED = (EventSource.STREAM, EventSource.PASSTHRU, EventSource.DYNAMIC)
OF_ANOTHER = "it names a CallSid that belongs to another attempt"
TERMINAL = frozenset(outcome.value for outcome in Outcome if outcome != Outcome.REFUSED)


@dataclass(frozen=True)
class Statement:
    """What somebody says about one call, in our words. `status` is an Outcome, "in-progress" or "unrecognised"."""

    source: str  # an EventSource
    at: datetime
    sid: str = ""
    status: str = ""
    answered: bool = False  # picked up, not over yet
    numbers: tuple[str, ...] = ()  # From and To, whichever way round; one of them should be the person's
    carrier_status: str = ""
    duration: int | None = None
    talk_seconds: int | None = None
    price: Decimal | None = None
    recording_url: str = ""
    trusted: bool = False  # asked by us at Exotel's own API: decides contradictions


def apply(attempt_id: int, said: Statement) -> str:
    """Apply one statement; returns a note for the event ('' when it was simply true). Call inside a transaction."""
    attempt = _locked(attempt_id)
    suspect = _suspicion(attempt, said) or _bind(attempt, said)
    if not suspect and attempt.state == AttemptState.REFUSED:
        suspect = disproofs.spoken_of(attempt, _in_words(said), over=said.status in TERMINAL)
    if suspect:
        _flag(attempt, suspect)
        return suspect
    if said.status in TERMINAL:
        return _end(attempt, said)
    if said.answered:
        _answer(attempt, said)
    elif said.status == "unrecognised":
        _ask_soon(attempt, said.at)
        return f"unrecognised status {said.carrier_status!r}; Exotel is asked"
    else:
        _place(attempt, said)
    return ""


def _in_words(said: Statement) -> str:
    if said.status in TERMINAL:
        return f"it ended as {said.status}"
    return "it was answered" if said.answered else "it goes on"


def _locked(attempt_id: int) -> CallAttempt:
    """Only the attempt is locked: the joined campaign and account rows are everybody's."""
    rows = CallAttempt.objects.select_for_update(of=("self",)).select_related("campaign__account")
    return rows.defer(*(f"campaign__account__{name}" for name in CREDENTIALS)).get(pk=attempt_id)


def _suspicion(attempt: CallAttempt, said: Statement) -> str:
    """Why a statement cannot be about this attempt, or ''. Our POST's own answer is surely about it.

    Whose Sid agrees is believed however it spells the numbers: a number abroad comes in spellings that nobody can read.
    """
    if same_sid(said.sid, attempt.sid):
        return ""
    if said.sid and attempt.sid and said.source != EventSource.POST and _names_another(attempt, said):
        return "it names another CallSid than this attempt's"
    named = [number for number in said.numbers if canonical(number) and not _may_be(number, attempt.caller_id)]
    if named and not any(_may_be(number, attempt.phone) for number in named):
        return "it names other numbers than this attempt's"
    return ""


def _names_another(attempt: CallAttempt, said: Statement) -> bool:
    return said.source not in ADMITTED or matching.is_anothers(attempt.account_id, attempt.pk, said.sid)


def _may_be(said: str, number: str) -> bool:
    """Whether `said` may spell this number, with its country or without."""
    return same_number(said, number) or alike(said, number)


def _flag(attempt: CallAttempt, what: str) -> None:
    """Keep a contradiction on the attempt for people to see, and ask Exotel."""
    CallAttempt.objects.filter(pk=attempt.pk).update(contradiction=what[:300])
    _ask_soon(attempt, pacing.db_now())


def _bind(attempt: CallAttempt, said: Statement) -> str:
    """Learn the Sid, or say why it cannot be this attempt's: one that belongs to another attempt is never moved."""
    if not said.sid or said.sid == attempt.sid:
        return ""
    if attempt.sid and said.source != EventSource.POST:
        if not same_sid(said.sid, attempt.sid):
            what = f"a {said.source} of this call names another CallSid, which is of no call of ours"
            CallAttempt.objects.filter(pk=attempt.pk, contradiction="").update(contradiction=what)
        return ""
    if matching.is_anothers(attempt.account_id, attempt.pk, said.sid):
        return OF_ANOTHER
    try:
        with transaction.atomic():
            CallAttempt.objects.filter(pk=attempt.pk).update(sid=said.sid)
    except IntegrityError:
        return OF_ANOTHER
    if attempt.sid and not same_sid(said.sid, attempt.sid):
        _flag(attempt, "a callback named another CallSid before Exotel's own answer came")
    attempt.sid = said.sid
    return ""


def _place(attempt: CallAttempt, said: Statement) -> None:
    """Exotel has the call: dialling or unknown becomes placed, and the person is in call again."""
    rows = CallAttempt.objects.filter(pk=attempt.pk)
    due = said.at + min(timedelta(seconds=attempt.ring_timeout) + RING_GRACE, LOOK_IN)
    if advance(rows, ATTEMPT, AttemptState.PLACED, placed_at=said.at, check_at=due, reason_code="", reason=""):
        _in_call(attempt)


def _answer(attempt: CallAttempt, said: Statement) -> None:
    rows = CallAttempt.objects.filter(pk=attempt.pk)
    placed = Coalesce(F("placed_at"), Value(said.at))
    if advance(
        rows,
        ATTEMPT,
        AttemptState.ANSWERED,
        answered_at=said.at,
        placed_at=placed,
        check_at=said.at + LOOK_IN,
        reason_code="",
        reason="",
    ):
        _in_call(attempt)
        breakers.picked_up(attempt, said.at)


def _in_call(attempt: CallAttempt) -> None:
    """A person who was uncertain is in call after all. Nobody else was: a state changes under the attempt's lock."""
    if attempt.state != AttemptState.UNKNOWN:
        return
    rows = CampaignContact.objects.filter(pk=attempt.campaign_contact_id, state=ContactState.UNCERTAIN)
    advance(rows, CAMPAIGN_CONTACT, ContactState.IN_CALL, reason_code="", reason="", changed_at=pacing.db_now())


def _end(attempt: CallAttempt, said: Statement) -> str:
    """The call is over: outcome, slot, and the person's next state, once. Later words are facts or contradictions."""
    rows = CallAttempt.objects.filter(pk=attempt.pk)
    facts = _facts(attempt, said)
    won = advance(
        rows,
        ATTEMPT,
        AttemptState.ENDED,
        outcome=said.status,
        ended_at=said.at,
        placed_at=Coalesce(F("placed_at"), Value(said.at)),
        slot_released_at=Coalesce(F("slot_released_at"), Value(said.at)),
        slot_evidence=attempt.slot_evidence or said.source,
        reason_code="",
        reason="",
        **{"check_at": said.at + CONFIRM_AFTER, **facts},
    )
    if won:
        attempt.outcome = said.status
        settle_contact(attempt, said.at)
        if said.source != EventSource.DIALER:
            breakers.call_ended(attempt, said.status, said.at, talked=bool(said.talk_seconds))
        failpoints.reach("outcome.ended")
        return ""
    rows.update(**facts)
    return _compare(attempt, said)


_FACTS = ("carrier_status", "recording_url", "duration", "talk_seconds", "price")


def _facts(attempt: CallAttempt, said: Statement) -> dict[str, Any]:
    """What it adds beside the outcome. Call details outrank a callback's facts, whichever came first."""
    facts = {name: getattr(said, name) for name in _FACTS if getattr(said, name) not in (None, "")}
    if "carrier_status" in facts:
        facts["carrier_status"] = said.carrier_status[:30]
    if said.trusted:
        return facts | {"confirmed_at": said.at, "check_at": None}
    if attempt.confirmed_at:
        return {name: value for name, value in facts.items() if getattr(attempt, name) in (None, "")}
    return facts


def _compare(attempt: CallAttempt, said: Statement) -> str:
    """A second end. The same outcome confirms; another one is a contradiction, which the call details decide."""
    if attempt.outcome == said.status:
        return "" if said.trusted else "said before"
    what = f"one source says {attempt.outcome}, {said.source} says {said.status}"
    if said.trusted:
        CallAttempt.objects.filter(pk=attempt.pk).update(outcome=said.status, contradiction=what)
        before, attempt.outcome = attempt.outcome, said.status
        _settle_again(attempt, before, said.at)
        return f"{what}; the call details decide"
    _flag(attempt, what)
    return what


def _settle_again(attempt: CallAttempt, before: str, now: datetime) -> None:
    """The outcome was corrected: a retry that the right one does not ask for is taken back, one that it asks for is
    planned after all. Nothing is planned in a campaign that has ended."""
    contact = CampaignContact.objects.select_for_update().get(pk=attempt.campaign_contact_id)
    if contact.attempts.filter(ordinal__gt=attempt.ordinal).exists():
        return  # a later attempt has spoken
    rows = CampaignContact.objects.filter(pk=contact.pk)
    retry_at = _retry_at(attempt, contact, now)
    if contact.state == ContactState.RETRY and retry_at is None:
        advance(rows, CAMPAIGN_CONTACT, ContactState.DONE, reason_code="", reason="", changed_at=now)
    elif retry_at is not None and _done_by_mistake(attempt, before, contact):
        advance(rows, CORRECTED, ContactState.RETRY, due_at=retry_at, changed_at=now, **_by_the_rule(attempt))
    rows.filter(state__in=(ContactState.DONE, ContactState.RETRY)).update(last_outcome=attempt.outcome)


def _done_by_mistake(attempt: CallAttempt, before: str, contact: CampaignContact) -> bool:
    """Whether the wrong outcome is all that has ended it for this person: they heard nobody, and asked for nothing."""
    if (contact.state, contact.reason_code, contact.last_outcome) != (ContactState.DONE, "", before):
        return False
    talked = attempt.disposition or attempt.flow_digits or attempt.carrier_streams or attempt.streams.exists()
    return not (talked or Suppression.objects.filter(phone=contact.phone).exists())


def _ask_soon(attempt: CallAttempt, now: datetime) -> None:
    """Exotel is asked next; about a refused attempt there is nothing to ask."""
    CallAttempt.objects.filter(pk=attempt.pk).exclude(state=AttemptState.REFUSED).update(check_at=now)


def give_up(attempt_id: int, why: str) -> None:
    """Exotel cannot say how a call ended, and never will: a call that is still open counts as failed, flagged."""
    with transaction.atomic():
        attempt = _locked(attempt_id)
        if attempt.state in OPEN_ATTEMPTS:
            _end(attempt, Statement(source=EventSource.DIALER, at=pacing.db_now(), status=Outcome.FAILED.value))
        CallAttempt.objects.filter(pk=attempt_id).update(check_at=None, contradiction=why[:300])


def release_slot(attempt_id: int, evidence: str) -> bool:
    """Give the slot back on the first evidence that the call is over; True if this was it."""
    return bool(
        CallAttempt.objects.filter(pk=attempt_id, slot_released_at=None).update(
            slot_released_at=pacing.db_now(), slot_evidence=evidence
        )
    )


def stream_ended(attempt: CallAttempt, now: datetime) -> None:
    """In bot mode the stream's end is the call's end: free the slot, and ask Exotel if no callback comes."""
    if attempt.mode != Mode.BOT:
        return
    release_slot(attempt.pk, "stream")
    CallAttempt.objects.filter(pk=attempt.pk, state__in=(AttemptState.ANSWERED, AttemptState.PLACED)).update(
        check_at=now + STREAM_GRACE
    )


def settle_contact(attempt: CallAttempt, now: datetime) -> None:
    """Decide what becomes of the person after an attempt that ended: call again later, or done."""
    contact = CampaignContact.objects.select_for_update().get(pk=attempt.campaign_contact_id)
    rows = CampaignContact.objects.filter(pk=contact.pk)
    said: dict[str, Any] = {"last_outcome": attempt.outcome, "changed_at": now, "reason_code": "", "reason": ""}
    retry_at = _retry_at(attempt, contact, now)
    if retry_at is None:
        advance(rows, CAMPAIGN_CONTACT, ContactState.DONE, **said)
        return
    advance(rows, CAMPAIGN_CONTACT, ContactState.RETRY, due_at=retry_at, **said | _by_the_rule(attempt))


def _by_the_rule(attempt: CallAttempt) -> dict[str, str]:
    return {"reason_code": "retry-rule", "reason": f"{Outcome(attempt.outcome).label}; the retry rule calls again."}


def _may_call_again(campaign: Campaign, contact: CampaignContact, now: datetime) -> bool:
    """A campaign completes without waiting for who is uncertain; when it turns out soon that they are to be called
    again, it goes on for them (control.finish_all)."""
    if campaign.status == CampaignStatus.COMPLETED and contact.state == ContactState.UNCERTAIN:
        return campaign.ended_at is not None and campaign.ended_at > now - GOES_ON_WITHIN / 2
    return campaign.status in DIALLING_CAMPAIGNS


def _retry_at(attempt: CallAttempt, contact: CampaignContact, now: datetime) -> datetime | None:
    campaign = attempt.campaign
    rule = campaign.retry_rules.filter(outcome=attempt.outcome).first()
    if rule is None or contact.tries >= campaign.max_attempts or not _may_call_again(campaign, contact, now):
        return None
    if contact.disposition_kind in FINAL_DISPOSITIONS:
        return None
    same = contact.attempts.filter(outcome=attempt.outcome).exclude(pk=attempt.pk).count()
    if same >= rule.times or off_list.is_off(contact):
        return None
    wanted = now + timedelta(minutes=float(rule.delay_minutes))
    return eligibility.next_allowed(campaign, contact.time_zone, wanted)


def refuse(attempt: CallAttempt, code: str, reason: str, *, http_status: int | None, now: datetime) -> bool:
    """Nothing was dialled: free the slot, give the try back. True if this decided it; the contact is the caller's."""
    rows = CallAttempt.objects.filter(pk=attempt.pk)
    won = advance(
        rows,
        ATTEMPT,
        AttemptState.REFUSED,
        reason_code=code,
        reason=reason[:500],
        http_status=http_status,
        ended_at=now,
        slot_released_at=Coalesce(F("slot_released_at"), Value(now)),
        slot_evidence=code,
        check_at=None,
    )
    if won:
        CampaignContact.objects.filter(pk=attempt.campaign_contact_id, tries__gt=0).update(tries=F("tries") - 1)
    return bool(won)


def back_in_line(attempt: CallAttempt, due_at: datetime | None, reason: str, *, code: str = "") -> None:
    """Nobody was called: the person is pending again. The caller has locked the account's pacer.

    `due_at` None leaves the person at the same place in the queue: next again, not behind everybody. A campaign that
    completed meanwhile runs again; in one that was stopped the person is skipped.
    """
    rows = CampaignContact.objects.filter(pk=attempt.campaign_contact_id)
    said: dict[str, Any] = {"reason_code": code, "reason": reason[:300], "changed_at": pacing.db_now()}
    status = Campaign.objects.values_list("status", flat=True).get(pk=attempt.campaign_id)
    if status in STOPPED_CAMPAIGNS:
        said |= {"reason_code": "stopped", "reason": "The campaign was stopped before this call."}
        advance(rows, CAMPAIGN_CONTACT, ContactState.SKIPPED, **said)
        return
    if due_at is not None:
        said["due_at"] = due_at
    moved = advance(rows, CAMPAIGN_CONTACT, ContactState.PENDING, **said)
    if moved and off_list.skip(rows):
        return
    if moved and status == CampaignStatus.COMPLETED:
        campaign = Campaign.objects.filter(pk=attempt.campaign_id)
        advance(
            campaign, CAMPAIGN, CampaignStatus.RUNNING, field="status", ended_at=None, generation=F("generation") + 1
        )
        audit.record(DIALER, "resume", f"campaign:{attempt.campaign_id}", reason="Somebody is to be called after all.")


def prove_absent(attempt_id: int) -> None:
    """The call list, complete and late enough, lacks the call: it was never dialled. The campaign's policy decides."""
    with transaction.atomic():
        pacing.lock(CallAttempt.objects.values_list("account_id", flat=True).get(pk=attempt_id))
        now = pacing.db_now()
        rows = CallAttempt.objects.select_for_update(of=("self",)).select_related("campaign")
        attempt = rows.get(pk=attempt_id)
        why = "Exotel's call list does not have this call."
        if refuse(attempt, disproofs.NOT_PLACED, why, http_status=None, now=now):
            _never_dialled(attempt, now)


def _never_dialled(attempt: CallAttempt, now: datetime) -> None:
    rows = CampaignContact.objects.filter(pk=attempt.campaign_contact_id)
    policy = attempt.campaign.unknown_policy
    said: dict[str, Any] = {"reason_code": disproofs.NOT_PLACED, "changed_at": now}
    before = attempt.campaign_contact.attempts.filter(reason_code=disproofs.NOT_PLACED).exclude(pk=attempt.pk)
    again = policy == UnknownPolicy.REDIAL and not before.exists()  # once: a try that it gives back has no other end
    if again or attempt.campaign.status in STOPPED_CAMPAIGNS:
        back_in_line(attempt, now, "Was never dialled.", code=disproofs.NOT_PLACED)
    elif policy == UnknownPolicy.NEVER:
        why = "Was never dialled; the campaign does not dial again."
        advance(rows, CAMPAIGN_CONTACT, ContactState.SKIPPED, reason=why, **said)
    else:
        said["reason"] = "Was never dialled: you may dial now."
        if policy == UnknownPolicy.REDIAL:
            said["reason"] = "Was never dialled, for the second time: you may dial now."
        if not rows.filter(state=ContactState.UNCERTAIN).update(**said):
            advance(rows, CAMPAIGN_CONTACT, ContactState.UNCERTAIN, **said)  # of a loop that was frozen all the while
        off_list.skip(rows)


def _numbers_of(attempt_id: int) -> list[str]:
    """The number that was called, and the one that a later file has given the person."""
    rows = CallAttempt.objects.values_list("phone", "campaign_contact__contact__phone")
    return [number for number in rows.get(pk=attempt_id) if number]


def record_disposition(attempt_id: int, *, key: str, label: str, kind: str, details: dict[str, str]) -> None:
    """What the conversation achieved, as the bot says. `kind` "stop" is an opt-out: the number is suppressed."""
    if kind == "stop":
        # First and by itself: the wish not to be called again must outlive this process, whatever comes after.
        suppressing.suppress(
            _numbers_of(attempt_id), reason="Asked in the call not to be called", by=DIALER, source="call"
        )
    with transaction.atomic():
        attempt = CallAttempt.objects.select_for_update().get(pk=attempt_id)
        said = {"disposition": label[:60], "disposition_kind": kind[:12]}
        CallAttempt.objects.filter(pk=attempt_id).update(**said, disposition_key=key[:40], disposition_details=details)
        rows = CampaignContact.objects.filter(pk=attempt.campaign_contact_id)
        rows.update(**said)
        if kind in FINAL_DISPOSITIONS:
            # The callback was faster and the retry rule has planned another call: it is not needed.
            again = rows.filter(state=ContactState.RETRY)
            advance(again, CAMPAIGN_CONTACT, ContactState.DONE, reason_code="", reason="", changed_at=pacing.db_now())
