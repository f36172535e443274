"""The alarm: a stall in calling hours that lasts is a row and one mail, however many workers look."""

from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.core.mail import EmailMessage
from django.db import OperationalError, connection
from django.utils import timezone

from campaigns import stall_watch
from campaigns.models import CallAttempt, Campaign, Heartbeat, Pacer, Stall, User
from dialer import serving
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


def test_two_workers_at_once_send_one_mail(meera: User, monkeypatch: pytest.MonkeyPatch) -> None:
    stalled()
    stall_watch.watch()
    minutes_pass(3)
    sent = EmailMessage.send

    def while_another_looks(letter: EmailMessage) -> int:
        with monkeypatch.context() as other:
            other.setattr(EmailMessage, "send", sent)
            stall_watch.tell(timezone.now())
        return sent(letter)

    monkeypatch.setattr(EmailMessage, "send", while_another_looks)
    stall_watch.tell(timezone.now())
    stall_watch.tell(timezone.now())
    assert len(mail.outbox) == 1


def test_many_stalls_at_once_are_one_mail(meera: User) -> None:
    campaigns = [stalled(), stalled()]
    stall_watch.watch()
    minutes_pass(3)
    stall_watch.watch()
    [letter] = mail.outbox
    assert letter.subject == f"Dialer: {campaigns[0].name} and 1 more are not dialling"
    assert all(f"{campaign.name} runs, but nobody" in letter.body for campaign in campaigns)


def test_a_campaign_that_dialer_paused_is_told_once_and_one_that_a_person_paused_is_not(meera: User) -> None:
    ours = people.campaign(status="paused", paused_by="Dialer", paused_reason="30 calls in a row failed.")
    people.campaign(status="paused", paused_by="meera")
    people.campaign(status="paused", paused_by="Dialer", paused_reason="a test call", is_test=True)
    stall_watch.watch()
    assert mail.outbox == []
    minutes_pass(3)
    stall_watch.watch()
    stall_watch.watch()
    [letter] = mail.outbox
    assert f"{ours.name} was paused.\n\n30 calls in a row failed." in letter.body
    Campaign.objects.filter(pk=ours.pk).update(status="completed")
    stall_watch.watch()
    assert Stall.objects.get().ended_at is not None


def test_a_campaign_that_could_not_start_by_itself_is_told(meera: User) -> None:
    campaign = people.campaign(status="draft", paused_by="Dialer", paused_reason="The end was reached.")
    stall_watch.watch()
    minutes_pass(3)
    stall_watch.watch()
    [letter] = mail.outbox
    assert f"{campaign.name} did not start." in letter.body


def test_a_stall_that_ends_in_a_pause_by_dialer_is_told_again(meera: User) -> None:
    campaign = stalled()
    stall_watch.watch()
    minutes_pass(3)
    stall_watch.watch()
    said = {"status": "paused", "paused_by": "Dialer", "paused_reason": "Speech failed."}
    Campaign.objects.filter(pk=campaign.pk).update(**said)
    stall_watch.watch()
    minutes_pass(3)
    stall_watch.watch()
    assert [letter.body.count("Speech failed.") for letter in mail.outbox] == [0, 1]


def test_an_account_that_is_held_is_told_with_the_reason(meera: User) -> None:
    campaign = stalled()
    held = {"held_code": "payment", "held_reason": "Exotel wants money.", "held_since": timezone.now()}
    Pacer.objects.update(loop_seen_at=timezone.now(), **held)
    stall_watch.watch()
    minutes_pass(3)
    stall_watch.watch()
    [letter] = mail.outbox
    assert campaign.name in letter.body
    assert "Exotel wants money." in letter.body


def test_when_the_workers_that_look_are_gone_somebody_else_looks_and_tells(meera: User) -> None:
    stalled()
    stall_watch.watch()
    minutes_pass(3)
    stall_watch.stand_in()
    assert mail.outbox == [], "the workers look"
    Heartbeat.objects.filter(name=stall_watch.WATCH).update(seen_at=timezone.now() - 2 * stall_watch.STAND_IN)
    stall_watch.stand_in()
    stall_watch.stand_in()
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


def test_a_mail_that_cannot_be_sent_ends_nothing_and_is_tried_again_later(meera: User, settings: Any) -> None:
    works = settings.EMAIL_BACKEND
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    stalled()
    stall_watch.watch()
    minutes_pass(3)
    stall_watch.watch()
    assert Stall.objects.get().told_at is None
    settings.EMAIL_BACKEND = works
    stall_watch.watch()
    assert mail.outbox == [], "not at once"
    Stall.objects.update(telling_at=timezone.now() - stall_watch.LEASE)
    stall_watch.watch()
    stall_watch.watch()
    assert len(mail.outbox) == 1
    assert Stall.objects.get().told_at is not None


def test_a_name_of_two_lines_does_not_keep_the_mail_from_leaving(meera: User) -> None:
    stalled(name="Diwali\noffer")
    stall_watch.watch()
    minutes_pass(3)
    stall_watch.watch()
    assert [one.subject for one in mail.outbox] == ["Dialer: Diwali offer is not dialling"]


def test_where_nobody_wants_mail_there_is_nothing_to_try_again() -> None:
    stalled()
    stall_watch.watch()
    minutes_pass(3)
    stall_watch.watch()
    assert Stall.objects.get().told_at is not None


def test_the_web_process_keeps_looking_when_the_database_was_away(monkeypatch: pytest.MonkeyPatch) -> None:
    class Over(Exception):
        pass

    looks = iter([OperationalError("gone"), Over()])

    def look() -> None:
        raise next(looks)

    monkeypatch.setattr(serving, "STAND_IN_EVERY", 0)
    monkeypatch.setattr(stall_watch, "stand_in", look)
    monkeypatch.setattr(connection, "close", lambda: None)
    with pytest.raises(Over):
        serving._stand_in()
