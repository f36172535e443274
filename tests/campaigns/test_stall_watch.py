"""The alarm: a stall in calling hours that lasts is a row and one mail, however many workers look."""

from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone

from campaigns import stall_watch
from campaigns.models import CallAttempt, Campaign, Pacer, Stall, User
from tests import people

pytestmark = pytest.mark.django_db


@pytest.fixture
def meera() -> User:
    return User.objects.create_user("meera", email="meera@example.com", mail_on_stall=True)


def stalled(**fields: Any) -> Campaign:
    """A running campaign whose worker is gone."""
    campaign = people.campaign(launched_at=timezone.now() - timedelta(minutes=9), **fields)
    people.contact(campaign)
    Pacer.objects.update(loop_seen_at=timezone.now() - timedelta(minutes=1))
    return campaign


def minutes_pass(minutes: float) -> None:
    for stall in Stall.objects.all():
        stall.began_at -= timedelta(minutes=minutes)
        stall.save()


def test_a_stall_that_lasts_two_minutes_is_told_once_to_who_wants_it(meera: User) -> None:
    User.objects.create_user("ravi", email="ravi@example.com")
    campaign = stalled()
    stall_watch.watch()
    assert mail.outbox == []
    minutes_pass(2.1)
    stall_watch.watch()
    stall_watch.watch()
    [letter] = mail.outbox
    assert letter.bcc == ["meera@example.com"]
    assert campaign.name in letter.subject
    assert "worker" in letter.body
    assert f"/campaigns/{campaign.pk}/" in letter.body


def test_two_workers_at_once_send_one_mail(meera: User) -> None:
    stalled()
    stall_watch.watch()
    minutes_pass(3)
    [stall] = stall_watch.lasting(timezone.now())
    stall_watch.tell(stall, timezone.now())
    stall_watch.tell(stall, timezone.now())
    assert len(mail.outbox) == 1


def test_dialling_again_ends_it_and_the_next_stall_is_another(meera: User) -> None:
    campaign = stalled()
    stall_watch.watch()
    minutes_pass(3)
    stall_watch.watch()
    Pacer.objects.update(loop_seen_at=timezone.now())
    call = people.attempt(people.contact(campaign))
    stall_watch.watch()
    assert Stall.objects.get().ended_at is not None
    CallAttempt.objects.filter(pk=call.pk).update(intent_at=timezone.now() - timedelta(minutes=1))
    Pacer.objects.update(loop_seen_at=timezone.now() - timedelta(minutes=1))
    stall_watch.watch()
    minutes_pass(3)
    stall_watch.watch()
    assert len(mail.outbox) == 2


def test_outside_calling_hours_nothing_is_a_stall() -> None:
    later = timezone.now() + timedelta(hours=2)
    hours = {"window_start": later.time(), "window_end": (later + timedelta(hours=1)).time(), "time_zone": "UTC"}
    stalled(**hours)
    stall_watch.watch()
    assert not Stall.objects.exists()


def test_a_campaign_that_was_stopped_is_stalled_no_more() -> None:
    campaign = stalled()
    stall_watch.watch()
    Campaign.objects.filter(pk=campaign.pk).update(status="draining")
    stall_watch.watch()
    assert Stall.objects.get().ended_at is not None


def test_people_due_and_nobody_dialled_without_a_known_reason_is_a_stall_too() -> None:
    campaign = stalled()
    Pacer.objects.update(loop_seen_at=timezone.now())
    assert stall_watch.stalled(campaign, timezone.now()) == stall_watch.UNEXPLAINED


def test_an_account_that_exotel_lets_dial_slowly_is_not_called_silent() -> None:
    campaign = stalled()
    Campaign.objects.filter(pk=campaign.pk).update(launched_at=timezone.now() - timedelta(minutes=2, seconds=20))
    campaign.refresh_from_db()
    Pacer.objects.update(loop_seen_at=timezone.now(), told_per_minute=6)
    assert stall_watch.stalled(campaign, timezone.now()) is None
    Pacer.objects.update(told_per_minute=None)
    assert stall_watch.stalled(campaign, timezone.now()) == stall_watch.UNEXPLAINED


def test_a_mail_that_cannot_be_sent_ends_nothing(meera: User, settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    stalled()
    stall_watch.watch()
    minutes_pass(3)
    stall_watch.watch()
    assert Stall.objects.get().told_at is not None
