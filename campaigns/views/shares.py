"""How much of its account each running campaign has: calls in the last minute, slots, and its part by weight."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count

from campaigns import eligibility, pacing
from campaigns.lifecycle import AttemptState, CampaignStatus
from campaigns.models import CallAttempt, Campaign, Pacer
from campaigns.templatetags.dialer import percent, plural

MOST_SHARERS = 100  # campaigns looked at


@dataclass(frozen=True)
class Share:
    """Calls in the last 60 seconds against what it may, and slots taken against what it may take."""

    per_minute: int
    target: int
    slots: int
    most_slots: int


@dataclass(frozen=True)
class Part:
    """What a campaign gets of its account's calls while `others` that run have people to call, too: weight of whole."""

    weight: int
    whole: int
    others: int

    @property
    def sentence(self) -> str:
        """As the pages say it."""
        if not self.others:
            return "No other campaign of the account may call now, so every call is this one’s."
        part = f"{self.weight} of {plural(self.whole, 'part,parts')} of the account’s calls, about {self.percent}"
        others = plural(self.others, "other campaign has,other campaigns have")
        return f"Gets {part}, and waits for its turn: {others} the rest. What one cannot use, the others get."

    @property
    def percent(self) -> str:
        return percent(self.weight, self.whole)


def part_of(campaign: Campaign, now: datetime) -> Part:
    """Beside the running campaigns of its account that may call somebody `now`, in one query.

    Who is past its end or outside its hours leaves its part to the others.
    """
    running = Campaign.objects.filter(account=campaign.account_id, status=CampaignStatus.RUNNING)
    rows = running.exclude(pk=campaign.pk).select_related("account")[:MOST_SHARERS]
    others = [one.weight for one in rows if not _gone_home(one, now)]
    return Part(campaign.weight, campaign.weight + sum(others), len(others))


def _gone_home(campaign: Campaign, now: datetime) -> bool:
    return bool(eligibility.end_block(campaign, now) or eligibility.nobodys_hours_block(campaign, now))


def target_of(campaign: Campaign, pacer: Pacer | None = None) -> float:
    """Calls a minute that the campaign asks for, as far as its account (and, with its pacer, Exotel) allows."""
    allowed = pacing.allowed(campaign.account, pacer) * pacing.DIAL_SHARE
    return min(60 * float(campaign.calls_per_second), allowed)


def shares(campaigns: Sequence[Campaign], now: datetime) -> dict[int, Share]:
    """By campaign, in three queries."""
    minute = CallAttempt.objects.filter(campaign__in=campaigns, intent_at__gt=now - timedelta(seconds=60))
    placed = dict(minute.exclude(state=AttemptState.REFUSED).values_list("campaign").annotate(n=Count("pk")).order_by())
    accounts = {campaign.account_id for campaign in campaigns}
    held = CallAttempt.objects.filter(account__in=accounts, slot_released_at__isnull=True)
    pacers = {pacer.account_id: pacer for pacer in Pacer.objects.filter(account__in=accounts)}
    slots = dict(held.values_list("campaign").annotate(n=Count("pk")).order_by())
    return {
        campaign.pk: Share(
            per_minute=placed.get(campaign.pk, 0),
            target=round(target_of(campaign, pacers.get(campaign.account_id))),
            slots=slots.get(campaign.pk, 0),
            most_slots=min(campaign.max_concurrent, campaign.account.max_concurrent),
        )
        for campaign in campaigns
    }
