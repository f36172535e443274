"""May this be dialled now? If not: why, and when. The one place that answers, for intents and for pages alike.

Checks run in a fixed order: account (held, backing off, slots, pace), campaign (status, end, trouble with its calls,
hours, slots, pace), person (do-not-call, an open call elsewhere, daily cap, hours). The first that says no is the
reason. Each rule is a function of its own, so that `campaigns.why` can tell of every one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from campaigns import breakers, calling_hours, holds, pacing
from campaigns.calling_hours import AND, Hours, Window
from campaigns.lifecycle import CampaignStatus
from campaigns.models import Campaign, CampaignContact, CampaignPace, ExotelAccount, Mode, Pacer

SLOT_WAIT = timedelta(milliseconds=250)  # a freed slot is noticed within this time
WAITS_FOR_SLOT = frozenset(
    {"account-slots", "campaign-slots", "careful", "streams"}
)  # codes that ask how many are used
ENDED, END_REACHED = "ended", "The campaign’s end was reached."
ELSEWHERE_SECONDS = 30  # when a person who is in another call is looked at again


@dataclass(frozen=True)
class Block:
    """Why not. `until` is when to look again (None: not by itself), `final` means never, `held` needs a person."""

    code: str
    reason: str
    until: datetime | None = None
    final: bool = False
    held: bool = False


@dataclass(frozen=True)
class Person:
    """What is known about a person besides the row: looked up for many at once."""

    suppressed: str | None = None  # the reason on the do-not-call list
    in_call: bool = False
    calls_today: int = 0
    cap_frees_at: datetime | None = None


def account_block(pacer: Pacer, account: ExotelAccount, used: int, dialing: int, now: datetime) -> Block | None:
    """Why the account may not place a call now. `used` slots are held, `dialing` POSTs are on their way."""
    return (
        hold_block(pacer, dialing, now)
        or backoff_block(pacer, now)
        or account_slots_block(account, used, now)
        or account_pace_block(pacer, account, now)
    )


def hold_block(pacer: Pacer, dialing: int, now: datetime) -> Block | None:
    """An account that is held, or half-open with its one call out."""
    if pacer.held_code and not pacer.probing:
        needs_you = pacer.probe_at is None
        until = None if needs_you else pacing.believed(pacer.probe_at, now, holds.LONGEST_REST) or now
        return Block(pacer.held_code, pacer.held_reason, until=until, held=needs_you)
    if pacer.probing and dialing:
        reason = f"{pacer.held_reason} One call is out to see whether it is over."
        return Block(pacer.held_code, reason, until=now + SLOT_WAIT)
    return None


def backoff_block(pacer: Pacer, now: datetime) -> Block | None:
    until = pacing.backoff(pacer, now)
    if until and until > now:
        reason = pacer.backoff_reason or "Exotel says the account is too fast (429); nobody was dialled."
        return Block("rate-limited", reason, until=until)
    return None


def account_slots_block(account: ExotelAccount, used: int, now: datetime) -> Block | None:
    if used >= account.max_concurrent:
        reason = f"All {account.max_concurrent} slots of the account are in use."
        return Block("account-slots", reason, until=now + SLOT_WAIT)
    return None


def account_pace_block(pacer: Pacer, account: ExotelAccount, now: datetime) -> Block | None:
    turn = pacing.turn(pacer.next_dial_at, now, pacing.dial_step(account, pacer))
    if turn > now + pacing.AHEAD:
        reason = f"The account dials {rate(account, pacer)} calls a minute."
        return Block("account-pace", reason, until=turn - pacing.AHEAD)
    return None


def campaign_block(campaign: Campaign, pace: CampaignPace, used: int, now: datetime) -> Block | None:
    """Why this campaign may not place a call now."""
    return (
        status_block(campaign)
        or end_block(campaign, now)
        or breaker_block(campaign, now)
        or nobodys_hours_block(campaign, now)
        or campaign_slots_block(campaign, used, now)
        or careful_block(campaign, used, now)
        or campaign_pace_block(campaign, pace, now)
    )


def status_block(campaign: Campaign) -> Block | None:
    if campaign.status != CampaignStatus.RUNNING:
        return Block("not-running", f"The campaign is {campaign.get_status_display().lower()}.")
    return None


def end_block(campaign: Campaign, now: datetime) -> Block | None:
    """The campaign's own end: from then on nobody is called any more."""
    if campaign.ends_at and now >= campaign.ends_at:
        return Block(ENDED, END_REACHED, final=True)
    return None


def breaker_block(campaign: Campaign, now: datetime) -> Block | None:
    """Its calls go wrong: see `campaigns.breakers`. While it is tried whether that is over, one call may go."""
    breaker = breakers.of(campaign)
    if breaker.held_code:
        until = breakers.probe_at(breaker, now)
        return None if breaker.probing else Block(breaker.held_code, breaker.held_reason, until=until)
    if breakers.silent_talks(campaign, now) >= breakers.TALKS_IN_ROW:
        return Block(breakers.BOT, breakers.bot_reason(breaker), until=now)
    if breaker.bad_calls >= breakers.BAD_CALLS:
        return Block(breakers.BAD_LIST, breakers.list_reason(breaker), held=True)
    return None


def careful_block(campaign: Campaign, used: int, now: datetime) -> Block | None:
    """Few calls at a time, until it is known that they come to something."""
    few = breakers.few_open(campaign)
    if used >= few and breakers.unproved(campaign, now) >= few:
        reason = f"Only {few} calls at a time, until one has shown that all is well."
        return Block("careful", reason, until=now + SLOT_WAIT)
    return None


def nobodys_hours_block(campaign: Campaign, now: datetime) -> Block | None:
    """It is outside calling hours in every zone of the campaign's people."""
    zones = [zone for zone in campaign.zones if known_zone(zone)] or [""]
    opening = [hours_of(campaign, zone, now) for zone in zones]
    if not any(hours.open for hours in opening):
        opens = min((hours.opens_at for hours in opening if hours.opens_at), default=None)
        return Block("hours", f"Outside calling hours ({window_of(campaign)}).", until=opens)
    return None


def campaign_slots_block(campaign: Campaign, used: int, now: datetime) -> Block | None:
    if used >= campaign.max_concurrent:
        reason = f"All {campaign.max_concurrent} slots of the campaign are in use."
        return Block("campaign-slots", reason, until=now + SLOT_WAIT)
    return None


def streams_block(
    campaign: Campaign, pacer: Pacer, running: Sequence[Campaign], used: Mapping[int, int], now: datetime
) -> Block | None:
    """In bot mode: Exotel lets the account have so many streams (ActiveStreams), and each call may have one.

    Calls of a running flow count for none; those of a campaign that does not run (among `running`) may be talks.
    """
    if campaign.mode != Mode.BOT or pacer.most_streams is None:
        return None
    flows = sum(used.get(one.pk, 0) for one in running if one.mode != Mode.BOT)
    if total(used) - flows >= max(pacer.most_streams, 1):
        reason = f"All {max(pacer.most_streams, 1)} streams that Exotel lets the account have are in use."
        return Block("streams", reason, until=now + SLOT_WAIT)
    return None


def campaign_pace_block(campaign: Campaign, pace: CampaignPace, now: datetime) -> Block | None:
    turn = pacing.turn(pace.next_dial_at, now, campaign_step(campaign))
    if turn > now + pacing.AHEAD:
        reason = f"The campaign dials {campaign.calls_per_second.normalize():f} calls a second."
        return Block("campaign-pace", reason, until=turn - pacing.AHEAD)
    return None


def contact_block(contact: CampaignContact, campaign: Campaign, person: Person, now: datetime) -> Block | None:
    """Why this person may not be called now. Final blocks skip the contact."""
    return (
        suppressed_block(person)
        or elsewhere_block(person, now)
        or cap_block(campaign.account, person)
        or hours_block(contact, campaign, now)
    )


def suppressed_block(person: Person) -> Block | None:
    if person.suppressed is not None:
        return Block("suppressed", f"On the do-not-call list: {person.suppressed}", final=True)
    return None


def elsewhere_block(person: Person, now: datetime) -> Block | None:
    if person.in_call:
        until = now + timedelta(seconds=ELSEWHERE_SECONDS)
        return Block("in-call-elsewhere", "Another call to this person is open or uncertain.", until=until)
    return None


def cap_block(account: ExotelAccount, person: Person) -> Block | None:
    if account.daily_cap and person.calls_today >= account.daily_cap:
        reason = f"Called {person.calls_today} times in 24 hours; at most {account.daily_cap}."
        return Block("daily-cap", reason, until=person.cap_frees_at)
    return None


def hours_block(contact: CampaignContact, campaign: Campaign, now: datetime) -> Block | None:
    """Calling hours where this person is."""
    zone = contact.time_zone or campaign.time_zone
    if not known_zone(zone):
        return Block("zone", f"The time zone “{zone}” is not known, so the hour is not known.", final=True)
    hours = hours_of(campaign, contact.time_zone, now)
    if not hours.open:
        never = hours.opens_at is None
        reason = f"Outside calling hours ({window_of(campaign)} in {zone}){', at any hour' if never else ''}."
        return Block("hours", reason, until=hours.opens_at, final=never)
    return None


def window_of(campaign: Campaign) -> Window:
    """The campaign's window cut to the legal ceiling of its purpose."""
    limit = calling_hours.ceiling(campaign.purpose, simulated=campaign.account.simulated)
    return calling_hours.narrowed(Window(campaign.window_start, campaign.window_end), limit)


def known_zone(name: str) -> bool:
    """Whether this installation knows the zone; '' (the campaign's own) is checked when the campaign is made."""
    return not name or None not in map(_zone, name.split(AND))


@lru_cache(maxsize=1024)
def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def hours_of(campaign: Campaign, zone: str, now: datetime) -> Hours:
    """Calling hours for people in `zone` ('' is the campaign's; "A & B" is anywhere from A to B)."""
    zones = [ZoneInfo(name) for name in (zone or campaign.time_zone).split(AND)]
    return calling_hours.hours_everywhere(now, window_of(campaign), zones, campaign.ring_timeout)


def next_allowed(campaign: Campaign, zone: str, at: datetime) -> datetime:
    """`at`, or the first instant after it inside calling hours: a retry is never planned outside them."""
    return hours_of(campaign, zone, at).opens_at or at


def campaign_step(campaign: Campaign) -> timedelta:
    """Time between two calls of the campaign."""
    return pacing.step(float(campaign.calls_per_second))


def total(used: Mapping[int, int]) -> int:
    return sum(used.values())


def rate(account: ExotelAccount, pacer: Pacer) -> int:
    """Calls a minute that the account may dial."""
    return int(pacing.allowed(account, pacer) * pacing.DIAL_SHARE)
