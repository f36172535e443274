"""Another pace, slots, share, hours or end of a launched campaign, without a pause: it counts from the next intent on.

One transaction under the account's pacer lock, as every act of control: the change, the campaign's next version and
the audit line come together. People whose time was planned for the old hours are planned anew (`replanning`).
"""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import TypedDict, Unpack

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Floor

from campaigns import audit, control, creating, eligibility, pacing, replanning, versions
from campaigns.audit import Actor
from campaigns.calling_hours import Window
from campaigns.lifecycle import CampaignStatus
from campaigns.models import Campaign, CampaignPace
from campaigns.refusals import NotAllowed
from campaigns.versions import Change

CHANGEABLE = (CampaignStatus.RUNNING, CampaignStatus.PAUSED)
ENDS = "The campaign’s end was reached: who was not called is being skipped. Duplicate it to call them."
_FIELDS = ("calls_per_second", "max_concurrent", "weight", "window_start", "window_end", "ends_at")


class Adjustment(TypedDict, total=False):
    """What shall be different; what is not named stays. `ends_at` None: no end."""

    calls_per_second: Decimal
    max_concurrent: int
    weight: int
    window: Window
    ends_at: datetime | None


def adjust(campaign_id: int, *, by: Actor, **wanted: Unpack[Adjustment]) -> list[Change]:
    """Change it, and say what is different now; nothing, and no new version, if all was so already.

    Raises NotAllowed, changing nothing, for what no campaign may have and for one that does not dial any more, or yet.
    """
    with transaction.atomic():
        campaign = control.locked(campaign_id)
        if campaign.status not in CHANGEABLE:
            raise NotAllowed(_too_late(campaign))
        before, old_weight = versions.settings_of(campaign), campaign.weight
        if campaign.status == CampaignStatus.RUNNING and "ends_at" in wanted and control.end_reached(campaign):
            raise NotAllowed(ENDS)
        _set(campaign, wanted)
        done = versions.changes(before, versions.settings_of(campaign))
        if wrong := list(_problems(campaign, wanted)):
            raise NotAllowed(*wrong)
        if not done:
            return []
        campaign.save(update_fields=_FIELDS)
        version = versions.write(campaign, by=by)
        _hurry(campaign, old_weight)
        other_hours = before["window"] != version.settings["window"]
        if other_hours:
            replanning.begin(campaign)
        said = "; ".join(map(str, done))
        audit.record(by, "adjust", f"campaign:{campaign.pk}", reason=said, version=version.number)
    if other_hours:
        replanning.replan_chunk(campaign_id, control.AT_ONCE)
    return done


def _too_late(campaign: Campaign) -> str:
    if campaign.launched_at is None:
        return f"This campaign is {control.word(campaign)}: edit it, nobody is called yet."
    return f"This campaign is {control.word(campaign)}: nobody else is called, so nothing of it can be changed."


def _set(campaign: Campaign, wanted: Adjustment) -> None:
    campaign.calls_per_second = wanted.get("calls_per_second", campaign.calls_per_second)
    campaign.max_concurrent = wanted.get("max_concurrent", campaign.max_concurrent)
    campaign.weight = wanted.get("weight", campaign.weight)
    campaign.ends_at = wanted.get("ends_at", campaign.ends_at)
    window = wanted.get("window", Window(campaign.window_start, campaign.window_end))
    campaign.window_start, campaign.window_end = window.start, window.end


def _problems(campaign: Campaign, wanted: Adjustment) -> Iterator[str]:
    yield from creating.pace_problems(campaign.calls_per_second, campaign.max_concurrent)
    yield from creating.weight_problems(campaign.weight)
    if "window" in wanted:
        yield from control.hours_problems(campaign)
    if "ends_at" in wanted:
        yield from control.end_problems(campaign)


def _hurry(campaign: Campaign, old_weight: int) -> None:
    """A turn that the slower pace had put far off comes one step of the new pace from now, at the latest.

    What was had by the old weight counts by the new one: a heavier share neither waits nor makes up for the past.
    """
    soonest: datetime = pacing.db_now() + eligibility.campaign_step(campaign)
    rows = CampaignPace.objects.filter(campaign=campaign)
    rows.filter(next_dial_at__gt=soonest).update(next_dial_at=soonest)
    if old_weight != campaign.weight:
        rows.update(served=Floor(F("served") * Decimal(campaign.weight) / Decimal(max(old_weight, 1))))
