"""What a person may do to a campaign: launch, pause, resume, stop. One transaction each, conditional and audited.

The account's pacer is locked first, as every intent does: once a pause is committed, no later intent is granted.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, Min, QuerySet
from django.utils import timezone

from campaigns import (
    addresses,
    audiences,
    audit,
    bots,
    breakers,
    calling_hours,
    eligibility,
    enrolling,
    filters,
    gaps,
    holds,
    off_list,
    pacing,
    tallies,
    versions,
)
from campaigns.audit import DIALER, Actor
from campaigns.calling_hours import Window
from campaigns.dial_requests import dial_request
from campaigns.exotel import payloads
from campaigns.exotel.payloads import ConnectRequest
from campaigns.filters import Condition
from campaigns.lifecycle import (
    CAMPAIGN,
    CAMPAIGN_CONTACT,
    DUE_CONTACTS,
    OPEN_ATTEMPTS,
    CampaignStatus,
    ContactState,
    advance,
    sources,
)
from campaigns.models import CallAttempt, Campaign, CampaignContact, CampaignPace, ContactList, Mode
from campaigns.models.lists import columns_of
from campaigns.outcomes import GOES_ON_WITHIN
from campaigns.refusals import NotAllowed

__all__ = ["NotAllowed", "dial_uncertain", "launch", "lift_hold", "pause", "problems", "resume", "stop"]

EXAMPLE_NUMBER = "+919876543210"
SKIP_CHUNK = 5_000
AT_ONCE = 500  # people whom a click waits for; the ticks do the rest
ASKED = ("not-placed", "restored")  # reasons of people who are uncertain, and whom a person may have dialled after all
HUNG_UP = "Live calls are hung up."
_DIALLING = (CampaignStatus.RUNNING, CampaignStatus.PAUSED)


def problems(campaign: Campaign) -> list[str]:
    """Why the campaign cannot be launched, in words, with what to do. Empty: it can."""
    return [
        *gaps.problems(campaign.account_id),
        *_audience_problems(campaign),
        *hours_problems(campaign),
        *end_problems(campaign),
        *_request_problems(campaign),
        *_bot(campaign),
        *_parameter_problems(campaign),
    ]


def launch(campaign_id: int, *, by: Actor) -> None:
    """Start calling. Exactly one of many simultaneous launches wins; the others raise NotAllowed."""
    with transaction.atomic():
        campaign = locked(campaign_id)
        if campaign.status not in (CampaignStatus.DRAFT, CampaignStatus.SCHEDULED):
            raise NotAllowed(f"This campaign is {word(campaign)} already.")
        wrong = problems(campaign)
        if wrong:
            raise NotAllowed(*wrong)
        begin(campaign, by=by, launched_by=by.user)
    enrolling.enrol_chunk(campaign_id, AT_ONCE)


def begin(campaign: Campaign, *, by: Actor, **changes: object) -> None:
    """A locked campaign that can be launched becomes running; its people are still to be enrolled."""
    cleared = {"scheduled_at": None, "paused_by": "", "paused_reason": ""}
    move(campaign, CampaignStatus.RUNNING, launched_at=timezone.now(), **cleared, **changes)
    CampaignPace.objects.update_or_create(campaign=campaign, defaults={"served": _fair_start(campaign)})
    breakers.begin(campaign)
    versions.write(campaign, by=by)
    audit.record(by, "launch", f"campaign:{campaign.pk}")


def pause(campaign_id: int, *, by: Actor, reason: str = "") -> None:
    """No new call after this commits; talks in progress go on."""
    with transaction.atomic():
        campaign = locked(campaign_id)
        if campaign.status not in (CampaignStatus.RUNNING, CampaignStatus.PAUSED):
            raise NotAllowed(f"This campaign is {word(campaign)}, not running.")
        move(campaign, CampaignStatus.PAUSED, paused_by=by.name, paused_reason=reason)
        audit.record(by, "pause", f"campaign:{campaign.pk}", reason=reason)


def resume(campaign_id: int, *, by: Actor) -> None:
    """Go on: after a pause, and after what held the account (key, credit, KYC) was mended.

    A campaign that runs all the while its account is held is resumed by lifting that hold.
    """
    with transaction.atomic():
        campaign = locked(campaign_id)
        _nothing_forgotten(campaign.account_id)
        resumable = campaign.status in _DIALLING
        lifted = resumable and holds.lift_settled(pacing.lock(campaign.account_id), by)
        if lifted and campaign.status == CampaignStatus.RUNNING:
            return
        if campaign.status != CampaignStatus.PAUSED:
            raise NotAllowed(f"This campaign is {word(campaign)}, not paused.")
        if end_reached(campaign):
            raise NotAllowed("The campaign’s end was reached: set a later end first, or stop it.")
        by_us = campaign.paused_by == DIALER.name
        move(campaign, CampaignStatus.RUNNING, paused_by="", paused_reason="")
        CampaignPace.objects.filter(campaign=campaign).update(bad_requests_in_row=0)
        breakers.begin(campaign, trial=by_us)
        audit.record(by, "resume", f"campaign:{campaign.pk}")


def stop(campaign_id: int, *, by: Actor, hang_up: bool = False) -> None:
    """End the campaign: nobody else is called, who was not called is skipped; live calls finish.

    With `hang_up` the bot's talks are closed within about a second, and one that begins later (its phone still rings:
    Exotel has no request that takes a call back) as it begins. Also for a campaign that drains already. Raises
    NotAllowed where a flow carries the calls: the end of our stream is not their end.
    """
    with transaction.atomic():
        campaign = locked(campaign_id)
        if hang_up and campaign.mode != Mode.BOT:
            raise NotAllowed("Exotel’s flow carries these calls, so Dialer cannot end them: let them finish.")
        if hang_up and campaign.status == CampaignStatus.DRAINING and not campaign.hang_up_by:
            Campaign.objects.filter(pk=campaign_id).update(hang_up_by=by.name)
            audit.record(by, "hang up", f"campaign:{campaign.pk}", reason=HUNG_UP)
            return
        to = CampaignStatus.DRAINING
        if campaign.status in (CampaignStatus.DRAFT, CampaignStatus.SCHEDULED):
            to = CampaignStatus.CANCELLED
        now = timezone.now()
        # Who is not in the queue yet will not be called: enrolling ends here, so that nobody is added after the end.
        ended_at = now if to == CampaignStatus.CANCELLED else None
        hung_up = {"hang_up_by": by.name} if hang_up else {}
        move(campaign, to, ended_at=ended_at, enrolled_at=campaign.enrolled_at or now, **hung_up)
        audit.record(by, "stop", f"campaign:{campaign.pk}", reason=HUNG_UP if hang_up else "Live calls finish.")
    finish(campaign_id, at_once=AT_ONCE)


def lift_hold(account_id: int, *, by: Actor) -> None:
    """The operator says that what held the account is mended."""
    with transaction.atomic():
        pacer = pacing.lock(account_id)
        _nothing_forgotten(account_id)
        holds.lift(pacer, by)


def _nothing_forgotten(account_id: int) -> None:
    """Raises NotAllowed while calls are missing that this database made: only Exotel's list lifts that."""
    if wrong := gaps.problems(account_id):
        raise NotAllowed(*wrong)


def dial_uncertain(campaign_id: int, *, by: Actor) -> int:
    """Put people whose uncertain call is proved never to have been dialled back in line; returns how many.

    Who has left their list meanwhile is skipped instead.
    """
    with transaction.atomic():
        campaign = locked(campaign_id)
        somebody_may_be_called(campaign)
        rows = CampaignContact.objects.filter(campaign=campaign, state=ContactState.UNCERTAIN, reason_code__in=ASKED)
        list(rows.select_for_update(no_key=True).order_by("pk").values_list("pk"))  # see off_list
        moved = back_in_line(campaign, rows)
        audit.record(by, "dial uncertain", f"campaign:{campaign.pk}", people=moved)
    return moved


def somebody_may_be_called(campaign: Campaign) -> None:
    """Raises NotAllowed if nobody of the locked campaign is called any more, whatever somebody decides."""
    if campaign.status not in (*_DIALLING, CampaignStatus.COMPLETED):
        raise NotAllowed(f"This campaign is {word(campaign)}: nobody is called any more.")
    if end_reached(campaign):
        raise NotAllowed("The campaign’s end was reached: nobody is called any more. Duplicate it to call them.")


def back_in_line(campaign: Campaign, rows: QuerySet[CampaignContact], **said: Any) -> int:
    """Put people (locked, uncertain) of a locked campaign back in line, now; returns how many. A completed one runs
    again for them. Who has left their list meanwhile is skipped instead."""
    off_list.skip(rows)
    moved = advance(rows, CAMPAIGN_CONTACT, ContactState.PENDING, due_at=timezone.now(), reason="", **said)
    if moved and campaign.status == CampaignStatus.COMPLETED:
        move(campaign, CampaignStatus.RUNNING, ended_at=None)
    return moved


def finish_all() -> None:
    """Complete and cancel what has come to its end; go on with what was completed a moment too early."""
    live = (CampaignStatus.RUNNING, CampaignStatus.DRAINING)
    for campaign_id in Campaign.objects.filter(status__in=live).values_list("pk", flat=True):
        finish(campaign_id)
    lately = Campaign.objects.filter(status=CampaignStatus.COMPLETED, ended_at__gt=timezone.now() - GOES_ON_WITHIN)
    for campaign_id in lately.values_list("pk", flat=True):
        _go_on(campaign_id)


def _go_on(campaign_id: int) -> None:
    """completed -> running for somebody who is due after all: a late callback planned a retry while it was completed.

    The callback saw the campaign running, so it left it alone, and `finish` could not see what was not committed yet;
    or the person was uncertain, for whom no campaign waits, and has turned out to be busy.
    """
    waiting = CampaignContact.objects.filter(campaign=campaign_id, state__in=DUE_CONTACTS)
    if not waiting.exists():
        return
    with transaction.atomic():
        campaign = locked(campaign_id)
        if campaign.status == CampaignStatus.COMPLETED and waiting.exists():
            move(campaign, CampaignStatus.RUNNING, ended_at=None)
            audit.record(DIALER, "resume", f"campaign:{campaign_id}", reason="Somebody is to be called after all.")


def finish(campaign_id: int, *, at_once: int | None = None) -> None:
    """running -> completed when nobody is pending, due or in call; draining -> cancelled when no call is open.
    Once the campaign's own end was reached, whoever waits is skipped, so that it completes with the last call.

    With `at_once` no more than so many people are skipped now: somebody waits for the answer. Housekeeping goes on.
    """
    campaign = Campaign.objects.get(pk=campaign_id)
    if campaign.status == CampaignStatus.DRAINING:
        _drain(campaign, at_once)
        return
    if campaign.status == CampaignStatus.RUNNING and end_reached(campaign):
        Campaign.objects.filter(pk=campaign_id, enrolled_at=None).update(enrolled_at=timezone.now())
        _skip_waiting(campaign, eligibility.ENDED, eligibility.END_REACHED, at_once)
        campaign.refresh_from_db()
    if campaign.status == CampaignStatus.RUNNING and campaign.enrolled_at and not _unfinished(campaign):
        rows = Campaign.objects.filter(pk=campaign_id, enrolled_at__isnull=False)
        with transaction.atomic():
            pacing.lock(campaign.account_id)
            if not _unfinished(campaign) and not enrolling.appended(campaign_id):
                advance(rows, CAMPAIGN, CampaignStatus.COMPLETED, field="status", ended_at=timezone.now())


def end_reached(campaign: Campaign) -> bool:
    """Whether the campaign's own end is now or was."""
    return campaign.ends_at is not None and eligibility.end_block(campaign, pacing.db_now()) is not None


def _unfinished(campaign: Campaign) -> bool:
    states = (*DUE_CONTACTS, ContactState.IN_CALL)
    return CampaignContact.objects.filter(campaign=campaign, state__in=states).exists()


def _drain(campaign: Campaign, at_once: int | None) -> None:
    # Looked at first: a call that ends after this look keeps the campaign open, so nobody whom it puts back in line
    # is overlooked below.
    open_calls = CallAttempt.objects.filter(campaign=campaign, state__in=OPEN_ATTEMPTS).exclude(state="unknown")
    last = not open_calls.exists()
    left = _skip_waiting(campaign, "stopped", "The campaign was stopped before this call.", at_once)
    if last and not left:
        ended = Campaign.objects.filter(pk=campaign.pk)
        advance(ended, CAMPAIGN, CampaignStatus.CANCELLED, field="status", ended_at=timezone.now())


def _skip_waiting(campaign: Campaign, code: str, why: str, at_once: int | None) -> bool:
    """Skip who is still to be called; True if there may be more than the `at_once` who were."""
    waiting = CampaignContact.objects.filter(campaign=campaign, state__in=DUE_CONTACTS)
    while ids := list(waiting.values_list("pk", flat=True)[: at_once or SKIP_CHUNK]):
        with transaction.atomic():
            if not _still(campaign):
                return True
            rows = CampaignContact.objects.filter(pk__in=ids)
            now = timezone.now()
            advance(rows, CAMPAIGN_CONTACT, ContactState.SKIPPED, reason_code=code, reason=why, changed_at=now)
        if len(ids) == at_once:
            return True
    return False


def _still(campaign: Campaign) -> bool:
    """Whether the campaign ends for the reason for which we skip its people: an edit may have moved its end."""
    rows = Campaign.objects.select_for_update(of=("self",), no_key=True)
    now = rows.get(pk=campaign.pk)
    return now.status == campaign.status and (now.status == CampaignStatus.DRAINING or end_reached(now))


def locked(campaign_id: int) -> Campaign:
    """The campaign, locked after its account's pacer. Call inside a transaction."""
    account_id = Campaign.objects.values_list("account_id", flat=True).get(pk=campaign_id)
    pacing.lock(account_id)
    rows = Campaign.objects.select_for_update(of=("self",)).select_related("account")
    return rows.get(pk=campaign_id)


def move(campaign: Campaign, to: CampaignStatus, **changes: object) -> None:
    """Another status of a locked campaign. Raises NotAllowed where the table has no such move."""
    if campaign.status not in sources(CAMPAIGN, to):
        raise NotAllowed(f"This campaign is {word(campaign)} already.")
    rows = Campaign.objects.filter(pk=campaign.pk)
    advance(rows, CAMPAIGN, to, field="status", generation=F("generation") + 1, **changes)
    campaign.refresh_from_db()


def word(campaign: Campaign) -> str:
    """How the campaign stands: "a draft", "running"."""
    status = CampaignStatus(campaign.status)
    return "a draft" if status == CampaignStatus.DRAFT else status.label.lower()


def _fair_start(campaign: Campaign) -> int:
    """A newcomer starts level with the one that got least for its weight, so that it does not take all turns."""
    others = CampaignPace.objects.filter(
        campaign__account=campaign.account, campaign__status=CampaignStatus.RUNNING
    ).exclude(campaign=campaign)
    least = others.aggregate(least=Min(F("served") * Decimal(1) / F("campaign__weight")))["least"]
    return int((least or 0) * campaign.weight)


def _audience_problems(campaign: Campaign) -> Iterator[str]:
    if campaign.is_test:
        return
    lists = list(campaign.lists.all())
    if not lists:
        yield "No contact list is chosen."
    elif not any(contact_list.contacts.exists() for contact_list in lists):
        yield "The chosen lists are empty: import a file first."
    elif campaign.audience:
        audience = filters.from_json(campaign.audience)
        yield from _columns_gone(lists, audience)
        yield from _nobody_matches(lists, audience)


def _columns_gone(lists: Sequence[ContactList], audience: Sequence[Condition]) -> Iterator[str]:
    """A list whose import was undone may come in again under other headings; then everybody "is not" whatever."""
    for condition in audience:
        if filters.field_of(condition.field, lists) is None:
            asked = filters.describe(condition)
            yield f"The chosen lists have no column “{condition.variable}” any more: {asked}. Change who is called."


def _nobody_matches(lists: Sequence[ContactList], audience: Sequence[Condition]) -> Iterator[str]:
    """Told where everybody can be looked at; of longer lists a few may match whom a guess has not seen."""
    found = audiences.matching(lists, audience, tallies.people_on(one.pk for one in lists))
    if found.exact and not found.people:
        yield f"Nobody on the chosen lists matches: {filters.together(audience)}. Change who is called."


def end_problems(campaign: Campaign) -> Iterator[str]:
    """Why nobody would ever be called before the campaign's own end."""
    if campaign.ends_at is None:
        return
    if campaign.ends_at <= pacing.db_now():
        yield "The campaign’s end has passed already: name a later one, or none."
    elif campaign.launched_at is None and campaign.scheduled_at and campaign.ends_at <= campaign.scheduled_at:
        yield "The campaign’s end comes before its start: name a later one, or none."


def hours_problems(campaign: Campaign) -> Iterator[str]:
    """Why the campaign's calling hours are not allowed, or none at all."""
    simulated = campaign.account.simulated
    limit = calling_hours.ceiling(campaign.purpose, simulated=simulated)
    window = Window(campaign.window_start, campaign.window_end)
    if not calling_hours.within(window, limit):
        purpose = campaign.get_purpose_display().lower()
        yield f"Calling hours {window} are wider than the law allows for {purpose} calls ({limit}). Narrow them."
    elif not window.all_day and not _ever_open(campaign):
        yield "The calling hours are too short: the phone must have time to ring before they end. Widen them."


def _ever_open(campaign: Campaign) -> bool:
    hours = eligibility.hours_of(campaign, "", timezone.now())
    return hours.open or hours.opens_at is not None


def _request_problems(campaign: Campaign) -> Iterator[str]:
    yield from payloads.problems(example_request(campaign))
    if not campaign.account.simulated and addresses.is_plain(settings.PUBLIC_URL):
        yield (
            f"Exotel cannot call back over plain http ({settings.PUBLIC_URL}). Set PUBLIC_URL to the https address at "
            "which Exotel reaches this installation."
        )
    elif campaign.bot and not campaign.account.simulated and addresses.is_plain(addresses.stream_base()):
        yield "Exotel needs a wss address for the bot's stream: set PUBLIC_STREAM_URL to one that begins with wss://."


def example_request(campaign: Campaign) -> ConnectRequest:
    """The request for an example person with the longest ids there can be: what launch is checked with."""
    largest = 10**18
    # As long as it can get: values are cut so that the query never is longer.
    longest = dict.fromkeys(campaign.stream_parameters, "x" * addresses.QUERY_LENGTH)
    return dial_request(campaign, EXAMPLE_NUMBER, campaign_id=largest, attempt_id=largest, parameters=longest)


def _parameter_problems(campaign: Campaign) -> Iterator[str]:
    columns = columns_of(campaign.lists.all())
    for name in campaign.stream_parameters:
        if name not in columns:
            yield f"There is no column “{name}” to send to the stream; the lists have {', '.join(columns)}."


def _bot(campaign: Campaign) -> Iterator[str]:
    if campaign.mode != Mode.BOT and not campaign.bot:
        return  # the flow talks alone
    if campaign.bot not in settings.BOTS:
        yield f"There is no bot “{campaign.bot}” here: choose one of {', '.join(settings.BOTS)}."
        return
    columns = columns_of(campaign.lists.all())
    options = campaign.bot_options | {audio.option: audio.file_name for audio in campaign.audio.all()}
    if campaign.mode == Mode.BOT and bots.spec(campaign.bot).listens_only:
        yield f"“{bots.spec(campaign.bot).label}” never says anything: it is for the Stream applet of a flow."
    yield from bots.spec(campaign.bot).problems(options, columns, bots.speech().available())
