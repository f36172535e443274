"""After a restore: ask Exotel who was called meanwhile, write it down, and only then dial again.

The call list is read page by page in the account's own pace (nobody is dialled meanwhile, so the dials' share of the
requests is free), from the last call that the database knows to the moment the gap was found. Each page is one
transaction, and who was read already is known by the Sid: a look that breaks off goes on where it was.

What the list cannot show: which campaign a call was of (it carries no CustomField), what was said, who asked not to be
called, and calls that Exotel refused. Who cannot be told apart becomes uncertain.
"""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction

from campaigns import audit, control, forgotten, gaps, holds, learning, pacing
from campaigns.audit import Actor
from campaigns.dialing import UNUSABLE, client_for
from campaigns.exotel.client import PAGE_SIZE, ExotelClient
from campaigns.exotel.details import CallDetails
from campaigns.exotel.errors import ExotelError, RateLimited, Unreadable
from campaigns.exotel.sids import same_sid
from campaigns.forgotten import Line
from campaigns.lifecycle import CampaignStatus
from campaigns.models import CallAttempt, Campaign, ExotelAccount, Gap
from campaigns.reconciling import CLOCK_SLACK, POST_TIME
from campaigns.refusals import NotAllowed
from campaigns.templatetags.dialer import span, when

OURS = ("", "outbound-api", "outbound-dial")  # directions of calls that we may have placed
TRIES = 5  # of one page that Exotel refuses because we ask too fast


@dataclass
class Found:
    """What the list showed: `listed` calls, of which the database knew `known`; a line for each of the others.

    `doubtful` people are in several campaigns of which one has called them. `checked`: a call that the database does
    know was in the list as well, so its times are read rightly. `near` the last one that was made, as the witness says,
    a call is listed. `paused` are other campaigns that wait to be resumed.
    """

    since: datetime
    until: datetime
    listed: int = 0
    known: int = 0
    doubtful: int = 0
    checked: bool = False
    near: bool = False
    lines: list[Line] = field(default_factory=list)
    paused: list[tuple[int, str]] = field(default_factory=list)

    def counts(self) -> dict[str, int]:
        """How many calls of which kind, for the record."""
        kinds = {kind: sum(line.kind == kind for line in self.lines) for kind in forgotten.KINDS}
        return {"listed": self.listed, "known": self.known, "doubtful": self.doubtful, **kinds}


def resume(
    campaign_id: int, *, by: Actor, do_not_call_is_back: bool = False, last_calls_refused: bool = False
) -> Found:
    """Close the gap of the campaign's account, and go on with the campaign if the gap is all that it was paused for.

    `do_not_call_is_back`: somebody has put back who asked not to be called since the copy was made. Until then nothing
    goes on by itself: the campaign stays paused, and as long as one is scheduled the gap stays open.
    `last_calls_refused`: somebody knows that Exotel refused the last calls, so its list rightly shows none of them.
    Raises NotAllowed, with everybody held as before, if nothing is missing, if calls may still go on, if a campaign
    would start by itself too early, and if Exotel's list cannot be read or believed.
    """
    campaign = Campaign.objects.select_related("account").get(pk=campaign_id)
    gap = _gap_to_close(campaign.account)
    if not do_not_call_is_back:
        _nothing_starts_by_itself(campaign.account)
    found = _read_list(gap, campaign.account)
    if not (found.checked or found.near or last_calls_refused):
        raise NotAllowed(_unbelieved(gap))
    _close(gap, found, by)
    campaign.refresh_from_db()
    if do_not_call_is_back and campaign.status == CampaignStatus.PAUSED and campaign.paused_reason == CLOSED:
        control.resume(campaign_id, by=by)
    paused = Campaign.objects.filter(account=campaign.account, status=CampaignStatus.PAUSED, paused_reason=CLOSED)
    waiting = paused.exclude(pk=campaign_id)
    found.paused = list(waiting.order_by("pk").values_list("pk", "name"))
    return found


CLOSED = (
    "Paused when the database was found to have forgotten calls. They are known again: put back who asked not to be "
    "called meanwhile, then resume it."
)


def _nothing_starts_by_itself(account: ExotelAccount) -> None:
    planned = Campaign.objects.filter(account=account, status=CampaignStatus.SCHEDULED).order_by("pk")
    if names := ", ".join(f"{one.name} ({one.pk})" for one in planned):
        raise NotAllowed(
            f"Campaigns are scheduled and would start by themselves: {names}. Put the do-not-call list back and add "
            "--do-not-call-is-back, or take them off the plan (unschedule_campaign)."
        )


def _gap_to_close(account: ExotelAccount) -> Gap:
    if gaps.clear(account.pk):
        raise NotAllowed("No call of this account is missing: resume the campaign without --after-restore.")
    gap = gaps.open_gap(account.pk)
    if gap is None:
        raise NotAllowed("Redis must answer first: without it nobody can say whether calls were forgotten.")
    now = pacing.db_now()
    if now < gap.ready_at:
        wait = span((gap.ready_at - now).total_seconds())
        raise NotAllowed(
            f"The last calls may still go on, or not be in Exotel’s list yet: ask again at {when(gap.ready_at)}, "
            f"in {wait}. Nobody is dialled until then."
        )
    return gap


# ---------------------------------------------------------------------------------------------------------- the list
def _read_list(gap: Gap, account: ExotelAccount) -> Found:
    control_sid, since = _start(gap)
    found = Found(
        since, gap.found_at + CLOCK_SLACK, checked=bool(gap.found.get("checked")), near=bool(gap.found.get("near"))
    )
    try:
        client = client_for(account)
        page, seen = "", set[str]()
        while page not in seen:
            seen.add(page)
            calls, page = _page(client, account, found, page)
            if page and page in seen and len(calls) >= PAGE_SIZE:
                raise Unreadable("it goes round in circles.")
            ours = [call for call in calls if call.direction in OURS]
            found.checked |= any(same_sid(control_sid, call.sid) for call in calls)
            found.near |= any(_near(gap, call) for call in ours)
            _write_down(gap, ours, found)
    except UNUSABLE as wrong:
        raise NotAllowed(f"The account’s settings cannot be used: {wrong}.") from None
    except ExotelError as trouble:
        raise NotAllowed(f"Exotel’s call list cannot be read: {trouble} Run this again; it goes on there.") from None
    if control_sid and not found.checked:
        raise NotAllowed(
            f"Exotel’s list does not show a call that this database knows (Sid {control_sid}), so it cannot be "
            "believed: are the account’s SID and time zone right?"
        )
    return found


def _near(gap: Gap, call: CallDetails) -> bool:
    """Whether the call was made when the last one was: a list read in a wrong zone is empty or of other hours."""
    if gap.called_until is None:
        return True  # nobody knows when that was
    return call.created is not None and abs(call.created - gap.called_until) <= CLOCK_SLACK + POST_TIME


def _unbelieved(gap: Gap) -> str:
    last = f" the last call, of {when(gap.called_until)}" if gap.called_until else " any call"
    return (
        f"Exotel’s list does not show{last}, and this database knows no call that could be looked for in it, so it "
        "cannot be believed: are the account’s SID and time zone right? If they are, and Exotel refused the last "
        "calls, add --last-calls-refused. Nobody is dialled until then."
    )


def _start(gap: Gap) -> tuple[str, datetime]:
    """The Sid of the last call that is known ("" without one), and the time from which the list is read."""
    known = CallAttempt.objects.filter(account=gap.account_id, sid__isnull=False, placed_at__isnull=False)
    if gap.known_until:
        known = known.filter(intent_at__lte=gap.known_until)
    last = known.exclude(reason_code=forgotten.CODE).order_by("-intent_at").first()
    first = Campaign.objects.filter(account=gap.account_id).order_by("created_at").first()
    since = gap.listed_until or (last and last.intent_at) or gap.known_until or (first and first.created_at)
    return (last.sid or "" if last else ""), (since or gap.found_at) - CLOCK_SLACK


def _page(
    client: ExotelClient, account: ExotelAccount, found: Found, page: str, tries: int = TRIES
) -> tuple[list[CallDetails], str]:
    """One page, at its turn. Raises ExotelError."""
    _take_turn(account)
    try:
        return client.calls_between(found.since, found.until, page)
    except RateLimited as limited:
        holds.back_off(account.pk, limited.retry_after)
        if tries <= 1:
            raise
    finally:
        learning.heed(account.pk, client.allowance)
    return _page(client, account, found, page, tries - 1)


def _take_turn(account: ExotelAccount) -> None:
    """Wait for the turn of a dial, and use it for a question."""
    while seconds := pacing.take_dial_turn(account.pk):
        time.sleep(seconds)


def _write_down(gap: Gap, calls: Sequence[CallDetails], found: Found) -> None:
    """A page: what the database did not know is written down, in the order in which it happened."""
    with transaction.atomic():
        pacing.lock(gap.account_id)
        for call in sorted(calls, key=lambda one: one.created or found.since):
            found.listed += 1
            if forgotten.known(gap, call):
                found.known += 1
                continue
            line, doubtful = forgotten.write_down(gap, call)
            found.lines.append(line)
            found.doubtful += doubtful
        latest = max((call.created for call in calls if call.created), default=gap.listed_until)
        gap.listed_until, gap.found = latest, {"checked": found.checked, "near": found.near}
        gap.save(update_fields=["listed_until", "found"])


# ---------------------------------------------------------------------------------------------------------- the end
def _close(gap: Gap, found: Found, by: Actor) -> None:
    """Lift the hold. Everything up to here is accounted for, and new calls get numbers that none has had."""
    if not gap.witnessed:
        gaps.leap()
    with transaction.atomic():
        pacer, now = pacing.lock_now(gap.account_id)
        said: dict[str, Any] = {"closed_at": now, "closed_by": by.name, "found": found.counts()}
        if not Gap.objects.filter(pk=gap.pk, closed_at__isnull=True).update(**said):
            raise NotAllowed("Somebody else has done it a moment ago.")
        holds.lift(pacer, by)
        rows = Campaign.objects.filter(account=gap.account_id, status=CampaignStatus.PAUSED)
        rows.filter(paused_reason=gaps.words(gap)).update(paused_reason=CLOSED)
        audit.record(by, "after restore", f"account:{gap.account_id}", **found.counts())
    if not gaps.vouch(gaps.installation(), [gap.account_id]):
        raise NotAllowed(
            "The gap is closed, but neither Redis nor STATE_DIR can be written, so the next start would find it again: "
            "mend that, then resume the campaign."
        )


def as_object(found: Found) -> dict[str, Any]:
    """For machines: times in ISO 8601, numbers masked."""
    calls = [asdict(line) | {"at": line.at.isoformat() if line.at else None} for line in found.lines]
    times = {"since": found.since.isoformat(), "until": found.until.isoformat()}
    return {**times, **found.counts(), "checked": found.checked, "calls": calls, "paused": dict(found.paused)}
