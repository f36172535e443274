"""How much of its account each running campaign has: calls in the last minute, and slots."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count

from campaigns import pacing
from campaigns.lifecycle import AttemptState
from campaigns.models import CallAttempt, Campaign, Pacer


@dataclass(frozen=True)
class Share:
    """Calls in the last 60 seconds against what it may, and slots taken against what it may take."""

    per_minute: int
    target: int
    slots: int
    most_slots: int


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
