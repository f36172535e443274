"""One call of Exotel's list that the database does not know: whose it was, and what is written down for it.

A call has a number, a caller ID and a time, and nothing that names its campaign or attempt. So it is, in this order:
the end of an attempt whose Sid was never heard; a call of the one campaign that has this person and calls with this
caller ID; or a call of one of several, then the likeliest gets it and the person is uncertain in the others.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F, Max

from campaigns import enrolling, events, filters, outcomes, pacing, reconciling
from campaigns.events import Arrival
from campaigns.exotel.bodies import pick_text
from campaigns.exotel.details import CallDetails
from campaigns.exotel.numbers import canonical, same_number
from campaigns.exotel.sids import spellings
from campaigns.filters import Condition
from campaigns.importing import phones
from campaigns.lifecycle import (
    CAMPAIGN_CONTACT,
    DUE_CONTACTS,
    ENDED_CAMPAIGNS,
    LIVE_CAMPAIGNS,
    OPEN_ATTEMPTS,
    AttemptState,
    CampaignStatus,
    ContactState,
    advance,
)
from campaigns.models import CallAttempt, Campaign, CampaignContact, CampaignList, Contact, EventSource, Gap
from campaigns.reconciling import CLOCK_SLACK, POST_TIME
from campaigns.templatetags.dialer import phone as masked

CODE = "restored"
WHY = "Found in Exotel’s call list after the database was put back."
DOUBT = "Exotel’s list shows a call from the time that this database has forgotten; it may have been this campaign’s."
RECORDED, MATCHED, GOES_ON, NOBODY = "recorded", "matched", "goes-on", "nobody"
KINDS = (RECORDED, MATCHED, GOES_ON, NOBODY)


@dataclass(frozen=True)
class Line:
    """A call that was not known. `kind`: recorded as an attempt of its campaign; matched with an attempt whose Sid was
    not known; it goes on (and is asked about); or nobody's, its number is in no campaign of the account."""

    kind: str
    at: datetime | None
    sid: str = field(repr=False)
    phone: str  # masked
    outcome: str  # an Outcome, or "in-progress"
    campaign: int | None = None


def known(gap: Gap, call: CallDetails) -> bool:
    """Whether the database has the call; if it was open when the copy was made, its end is learnt now."""
    attempt = CallAttempt.objects.filter(account=gap.account_id, sid__in=spellings(call.sid)).first()
    if attempt and attempt.state in OPEN_ATTEMPTS and call.status.terminal:
        reconciling.learn(attempt, call)
    return attempt is not None


def write_down(gap: Gap, call: CallDetails) -> tuple[Line, int]:
    """What is told of a call that was not known, and how many people became uncertain by it. The pacer is locked."""
    number = canonical(call.number)
    if waiting := _without_sid(gap, call, number):
        reconciling.learn(waiting, call)
        return _line(MATCHED, call, number, waiting.campaign_id), 0
    people = _likeliest_first(call, _people(gap, number))
    if not people:
        return _line(NOBODY, call, number), 0
    whose, *others = people
    kind = _record(gap, call, whose)
    return _line(kind, call, number, whose.campaign_id), _doubt(others)


def _line(kind: str, call: CallDetails, number: str, campaign_id: int | None = None) -> Line:
    return Line(kind, call.created, call.sid, masked(number), call.status.value, campaign_id)


def _without_sid(gap: Gap, call: CallDetails, number: str) -> CallAttempt | None:
    """The attempt that was on its way to Exotel when the copy was made; with this caller ID, if the call names one."""
    rows = CallAttempt.objects.filter(account=gap.account_id, phone=number, sid__isnull=True, state__in=OPEN_ATTEMPTS)
    near = [one for one in rows.order_by("-intent_at") if call.created is None or _began(one, call.created)]
    by_caller = {reconciling.same_caller(one, call): one for one in near}
    return by_caller.get(True) or by_caller.get(None)


def _began(attempt: CallAttempt, created: datetime) -> bool:
    return attempt.intent_at - CLOCK_SLACK <= created <= attempt.intent_at + POST_TIME + CLOCK_SLACK


# --------------------------------------------------------------------------------------------------------- whose call
def _people(gap: Gap, number: str) -> list[CampaignContact]:
    """The person with this number in the account's campaigns: in their queues, or on lists that are not in one yet."""
    if not number:
        return []
    campaigns = Campaign.objects.filter(account=gap.account_id).exclude(status__in=ENDED_CAMPAIGNS)
    not_in = campaigns.filter(enrolled_at__isnull=True)
    for campaign in not_in.exclude(status=CampaignStatus.DRAFT):
        _enrol(campaign, number)
    found = _enrolled(gap, number)
    if any(_may_call(person) for person in found):
        return found
    for campaign in not_in.filter(status=CampaignStatus.DRAFT):  # one was launched in the time that is missing
        _enrol(campaign, number)
    return _enrolled(gap, number)


def _enrolled(gap: Gap, number: str) -> list[CampaignContact]:
    every = list(Campaign.objects.filter(account=gap.account_id).values_list("pk", flat=True))
    rows = CampaignContact.objects.filter(campaign__in=every, phone=number)
    return list(rows.select_related("campaign__account").order_by("campaign"))


def _enrol(campaign: Campaign, number: str) -> None:
    """Put the person into the queue ahead of time, if the campaign's lists have them: they were called from it."""
    links = CampaignList.objects.filter(campaign=campaign)
    lists = list(campaign.lists.all())
    people = Contact.objects.filter(contact_list__in=lists, phone=number).select_related("contact_list")
    person = filters.apply(people, _certain(campaign), lists).first()
    if person is None:
        return
    # enrol_chunk leaves a locked campaign for later: else each could wait for somebody whom the other has put in
    Campaign.objects.select_for_update(of=("self",), no_key=True).get(pk=campaign.pk)
    if CampaignContact.objects.filter(campaign=campaign, phone=number).exists():
        return
    CampaignContact.objects.create(
        campaign=campaign,
        contact=person,
        phone=number,
        name=person.name,
        variables=person.variables,
        time_zone=person.time_zone or phones.zone_of_region(person.contact_list.region, campaign.time_zone),
        prepared=not enrolling.speaks(campaign),
    )
    links.filter(contact_list=person.contact_list_id).update(total=F("total") + 1)


def _certain(campaign: Campaign) -> list[Condition]:
    """What of its audience surely held when it called: a draft may have been changed before it was launched, and of
    other campaigns' calls some are forgotten, too. Whom that leaves out it has not called, and must not call again."""
    if campaign.status == CampaignStatus.DRAFT:
        return []
    return [one for one in filters.from_json(campaign.audience) if not one.campaign_id]


def _likeliest_first(call: CallDetails, people: Sequence[CampaignContact]) -> list[CampaignContact]:
    """Only campaigns that call with this caller ID, if there are any; those that could still call the person first."""
    same_caller = [one for one in people if same_number(one.campaign.caller_id, call.caller_id)]
    return sorted(same_caller or people, key=_unlikely)


def _unlikely(person: CampaignContact) -> tuple[bool, bool, bool, int]:
    live = person.campaign.status in LIVE_CAMPAIGNS
    return not _may_call(person), not live, person.state not in DUE_CONTACTS, person.campaign_id


def _may_call(person: CampaignContact) -> bool:
    """Whether the copy lets the campaign call the person once more: if not, it is not its call."""
    return person.campaign.status not in ENDED_CAMPAIGNS and person.state not in (
        ContactState.DONE,
        ContactState.SKIPPED,
    )


def _doubt(people: Sequence[CampaignContact]) -> int:
    """Who waits for a call of another campaign may have had it: a person decides. Returns how many there are."""
    waiting = [one.pk for one in people if one.state in DUE_CONTACTS and one.campaign.status not in ENDED_CAMPAIGNS]
    rows = CampaignContact.objects.filter(pk__in=waiting)
    said: dict[str, Any] = {"reason_code": CODE, "reason": DOUBT, "changed_at": pacing.db_now()}
    advance(rows, CAMPAIGN_CONTACT, ContactState.IN_CALL)
    return advance(rows, CAMPAIGN_CONTACT, ContactState.UNCERTAIN, **said)


# -------------------------------------------------------------------------------------------------------- the attempt
def _record(gap: Gap, call: CallDetails, person: CampaignContact) -> str:
    """An attempt for the call, and what follows from it for the person, as if the callback had just come."""
    now = pacing.db_now()
    began = call.created or call.start or gap.called_until or gap.found_at
    in_another = person.attempts.filter(state__in=OPEN_ATTEMPTS).exists()
    kind = person.campaign.account.kind
    elsewhere = CallAttempt.objects.filter(account_kind=kind, phone=person.phone, state__in=OPEN_ATTEMPTS).exists()
    rows = CampaignContact.objects.filter(pk=person.pk)
    rows.update(tries=F("tries") + 1)
    moved = not in_another and bool(advance(rows, CAMPAIGN_CONTACT, ContactState.IN_CALL, changed_at=now))
    attempt = _attempt(person, call, began, now, goes_on=not call.status.terminal and moved and not elsewhere)
    events.store(
        Arrival(
            source=EventSource.DETAILS,
            digest=events.digest_of({"raw": call.raw}),
            attempt_id=attempt.pk,
            call_sid=call.sid,
            fields={"status": call.status.value, "duration": call.duration},
            note=WHY,
            applied=True,
        )
    )
    if attempt.state == AttemptState.PLACED:
        return GOES_ON
    if moved and call.status.terminal:
        outcomes.settle_contact(attempt, now)
    elif moved:  # a person has one open call, and theirs is another campaign's: nobody will hear how this one ends
        advance(rows, CAMPAIGN_CONTACT, ContactState.UNCERTAIN, reason_code=CODE, reason=DOUBT, changed_at=now)
    return RECORDED


def _attempt(
    person: CampaignContact, call: CallDetails, began: datetime, now: datetime, *, goes_on: bool
) -> CallAttempt:
    campaign = person.campaign
    over = began + timedelta(seconds=campaign.ring_timeout + campaign.time_limit) + POST_TIME
    last = person.attempts.aggregate(last=Max("ordinal"))["last"] or 0
    end: dict[str, Any] = {"state": AttemptState.PLACED, "check_at": now}
    if not goes_on:
        outcome = call.status.value if call.status.terminal else "failed"
        end = {
            "state": AttemptState.ENDED,
            "outcome": outcome,
            "ended_at": call.end or began,
            "confirmed_at": now if call.status.terminal else None,
            "slot_released_at": now,
            "slot_evidence": EventSource.DETAILS.value,
            "carrier_status": pick_text(call.raw, "Status")[:30],
            "duration": call.duration,
            "talk_seconds": call.conversation_duration,
            "price": call.price,
            "recording_url": call.recording_url or "",
        }
    return CallAttempt.objects.create(
        account=campaign.account,
        account_kind=campaign.account.kind,
        campaign=campaign,
        campaign_contact=person,
        ordinal=last + 1,
        generation=campaign.generation,
        campaign_version=max(campaign.version, 1),
        phone=person.phone,
        caller_id=campaign.caller_id,
        ring_timeout=campaign.ring_timeout,
        time_limit=campaign.time_limit,
        mode=campaign.mode,
        reason_code=CODE,
        reason=WHY,
        sid=call.sid,
        owner=0,
        intent_at=began,
        placed_at=began,
        slot_expires_at=over,
        proof_at=max(over, now),
        **end,
    )
