"""A worker is seen although no campaign runs; one that is gone is missed."""

from datetime import timedelta

import pytest
from django.utils import timezone

from campaigns import heartbeat, tasks
from campaigns.models import Heartbeat
from tests import people

pytestmark = pytest.mark.django_db


def test_a_tick_without_any_campaign_leaves_a_mark() -> None:
    tasks.dial_tick()
    seen = heartbeat.worker_seen()
    assert not heartbeat.gone(seen, timezone.now())


def test_ticks_of_the_next_seconds_write_nothing() -> None:
    tasks.dial_tick()
    before = heartbeat.worker_seen()
    tasks.dial_tick()
    assert heartbeat.worker_seen() == before
    Heartbeat.objects.update(seen_at=timezone.now() - 2 * heartbeat.EVERY)
    tasks.dial_tick()
    assert heartbeat.worker_seen() != before


def test_a_loop_that_drives_counts_when_no_thread_is_left_for_a_tick() -> None:
    now = timezone.now()
    Heartbeat.objects.create(name=heartbeat.DIAL, seen_at=now - timedelta(minutes=9))
    pacer = people.pacer(people.account())
    pacer.loop_seen_at = now
    pacer.save()
    assert heartbeat.worker_seen() == now


def test_nobody_is_there_before_the_first_sign_or_long_after_the_last() -> None:
    now = timezone.now()
    assert heartbeat.gone(None, now)
    assert heartbeat.gone(now - timedelta(minutes=2), now)
    assert not heartbeat.gone(now - timedelta(seconds=20), now)
