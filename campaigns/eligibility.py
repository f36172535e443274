"""May this be dialled now? If not: why, and when. The one place that answers, for intents and for pages alike.

Checks run in a fixed order: account (held, backing off, slots, pace), campaign (status, hours, slots, pace), person
(do-not-call, an open call elsewhere, daily cap, hours). The first that says no is the reason.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from campaigns import calling_hours, pacing
from campaigns.calling_hours import AND, Hours, Window
from campaigns.lifecycle import CampaignStatus
from campaigns.models import Campaign, CampaignContact, CampaignPace, ExotelAccount, Pacer

SLOT_WAIT = timedelta(milliseconds=250)  # a freed slot is noticed within this time
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
    if pacer.held_code and not pacer.probing:
        needs_you = pacer.probe_at is None
        return Block(pacer.held_code, pacer.held_reason, until=pacer.probe_at, held=needs_you)
    if pacer.probing and dialing:
        reason = f"{pacer.held_reason} One call is out to see whether it is over."
        return Block(pacer.held_code, reason, until=now + SLOT_WAIT)
    if pacer.backoff_until and pacer.backoff_until > now:
        reason = "Exotel says the account is too fast (429); nobody was dialled."
        return Block("rate-limited", reason, until=pacer.backoff_until)
    if used >= account.max_concurrent:
        reason = f"All {account.max_concurrent} slots of the account are in use."
        return Block("account-slots", reason, until=now + SLOT_WAIT)
    turn = pacing.turn(pacer.next_dial_at, now, pacing.dial_step(account))
    if turn > now:
        return Block("account-pace", f"The account dials {_rate(account)} calls a minute.", until=turn)
    return None


def campaign_block(campaign: Campaign, pace: CampaignPace, used: int, now: datetime) -> Block | None:
    """Why this campaign may not place a call now."""
    if campaign.status != CampaignStatus.RUNNING:
        return Block("not-running", f"The campaign is {campaign.get_status_display().lower()}.")
    zones = [zone for zone in campaign.zones if known_zone(zone)] or [""]
    opening = [hours_of(campaign, zone, now) for zone in zones]
    if not any(hours.open for hours in opening):
        opens = min((hours.opens_at for hours in opening if hours.opens_at), default=None)
        return Block("hours", f"Outside calling hours ({window_of(campaign)}).", until=opens)
    if used >= campaign.max_concurrent:
        reason = f"All {campaign.max_concurrent} slots of the campaign are in use."
        return Block("campaign-slots", reason, until=now + SLOT_WAIT)
    turn = pacing.turn(pace.next_dial_at, now, campaign_step(campaign))
    if turn > now:
        reason = f"The campaign dials {campaign.calls_per_second.normalize():f} calls a second."
        return Block("campaign-pace", reason, until=turn)
    return None


def contact_block(contact: CampaignContact, campaign: Campaign, person: Person, now: datetime) -> Block | None:
    """Why this person may not be called now. Final blocks skip the contact."""
    if person.suppressed is not None:
        return Block("suppressed", f"On the do-not-call list: {person.suppressed}", final=True)
    if person.in_call:
        until = now + timedelta(seconds=ELSEWHERE_SECONDS)
        return Block("in-call-elsewhere", "Another call to this person is open or uncertain.", until=until)
    cap = campaign.account.daily_cap
    if cap and person.calls_today >= cap:
        reason = f"Called {person.calls_today} times in 24 hours; at most {cap}."
        return Block("daily-cap", reason, until=person.cap_frees_at)
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
    return timedelta(seconds=1 / float(campaign.calls_per_second))


def total(used: Mapping[int, int]) -> int:
    return sum(used.values())


def _rate(account: ExotelAccount) -> int:
    return int(account.calls_per_minute * pacing.DIAL_SHARE)
