"""Exotel's "too fast" stands among a campaign's events, once for each spell of it."""

from datetime import timedelta

import pytest
from django.utils import timezone

from campaigns import history
from campaigns.exotel.answers import RefusalKind, Refused
from campaigns.models import AuditEntry, Campaign
from campaigns.settling import settle
from tests import people

pytestmark = pytest.mark.django_db


def _too_fast(campaign: Campaign) -> None:
    attempt = people.attempt(people.contact(campaign))
    settle(attempt.pk, Refused(429, "too many requests", "", 2, RefusalKind.RATE_LIMITED))


def test_a_spell_of_refusals_is_told_once() -> None:
    campaign = people.campaign()
    for _ in range(3):
        _too_fast(campaign)
    assert [(line.state, line.text) for line in history.recent(campaign.pk)] == [("wait", "Slowed down by Exotel")]
    assert "nobody was dialled" in history.recent(campaign.pk)[0].sub


def test_the_next_spell_is_told_again() -> None:
    campaign = people.campaign()
    _too_fast(campaign)
    AuditEntry.objects.update(at=timezone.now() - timedelta(minutes=6))
    Campaign.objects.update(created_at=timezone.now() - timedelta(minutes=9))
    _too_fast(campaign)
    assert len(history.recent(campaign.pk)) == 2
