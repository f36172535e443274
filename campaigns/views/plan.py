"""What a launch would do: who is called, how fast, and roughly until when. Arithmetic, no promise."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from campaigns import audiences, eligibility, filters, pacing, tallies
from campaigns.calling_hours import Window
from campaigns.models import Campaign
from campaigns.views import audience

USUAL_CALL = 60  # seconds that a slot is taken by a call, ringing included, when nothing is known yet
FARTHEST = timedelta(days=60)


@dataclass(frozen=True)
class Plan:
    """`people` are called, `suppressed` of the lists are not; `ends_at` is None beyond two months.

    `left_out` do not meet the conditions of the campaign's audience; with `about` that is a guess, and so are `people`.
    Not `exact`: the lists are too long for it, so at least so many are suppressed or duplicates, and at most `people`
    are called.
    """

    people: int
    suppressed: int
    duplicates: int
    per_minute: float
    window: Window
    opens_at: datetime | None
    ends_at: datetime | None
    exact: bool = True
    looked_at: int = audience.LOOKED_AT
    left_out: int = 0
    about: bool = False

    @property
    def audience(self) -> int:
        return self.people + self.suppressed + self.duplicates + self.left_out


def plan(campaign: Campaign, now: datetime) -> Plan:
    """The plan of a draft, as things stand at `now`."""
    lists, asked = list(campaign.lists.all()), filters.from_json(campaign.audience)
    sizes = tallies.people_on(one.pk for one in lists)
    found = audiences.matching(lists, asked, sizes)
    ids, who = [one.pk for one in lists], partial(filters.named, asked, lists)
    suppressed, duplicates = audience.on_do_not_call(ids, sizes, who), audience.on_two_lists(ids, sizes, who)
    people = max(found.people - duplicates.n - suppressed.n, 0)
    rate = per_minute(campaign)
    return Plan(
        people=people,
        suppressed=suppressed.n,
        duplicates=duplicates.n,
        per_minute=rate,
        window=eligibility.window_of(campaign),
        opens_at=eligibility.hours_of(campaign, "", now).opens_at,
        ends_at=ends_at(campaign, timedelta(minutes=people / rate), now),
        exact=suppressed.exact and duplicates.exact,
        left_out=found.left_out,
        about=not found.exact,
    )


def per_minute(campaign: Campaign) -> float:
    """The fastest that a campaign can go: its own pace, the account's, and its slots at a usual length of call."""
    account = campaign.account
    slots = min(campaign.max_concurrent, account.max_concurrent)
    return min(
        60 * float(campaign.calls_per_second),
        account.calls_per_minute * pacing.DIAL_SHARE,
        60 * slots / USUAL_CALL,
    )


def ends_at(campaign: Campaign, work: timedelta, now: datetime) -> datetime | None:
    """When so much dialling is done if it is done inside the calling hours only."""
    at = now
    while at - now < FARTHEST:
        hours = eligibility.hours_of(campaign, "", at)
        if not hours.open:
            if hours.opens_at is None:
                return None
            at = hours.opens_at
            continue
        if hours.last_call is None or at + work <= hours.last_call:
            return at + work
        work -= hours.last_call - at
        at = hours.last_call + timedelta(seconds=1)
    return None
