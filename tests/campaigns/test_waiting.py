"""Why nobody is dialled now: the first reason in the order of the intent's own checks, in words, with what to do."""

from datetime import time, timedelta
from typing import Any

import pytest
from django.utils import timezone

from campaigns import control, heartbeat, holds, pacing, progress
from campaigns.audit import COMMAND_LINE, DIALER, Actor
from campaigns.exotel.answers import RefusalKind, Refused
from campaigns.holds import Hold
from campaigns.lifecycle import AttemptState, ContactState
from campaigns.models import AuditEntry, Campaign, CampaignPace, ExotelAccount, Heartbeat, Pacer
from campaigns.progress import Waiting
from campaigns.settling import settle
from tests import people

pytestmark = pytest.mark.django_db


def running(of: ExotelAccount | None = None, *, due: int = 1, **fields: Any) -> Campaign:
    """A campaign that a live loop drives."""
    campaign = people.campaign(of, **fields)
    people.contacts(campaign, due)
    Pacer.objects.update(loop_seen_at=timezone.now(), loop_owner=1)
    return campaign


def waiting(campaign: Campaign) -> Waiting:
    found = progress.waiting(Campaign.objects.select_related("account").get(pk=campaign.pk))
    assert found is not None
    return found


def test_a_campaign_that_dials_waits_for_nothing() -> None:
    assert progress.waiting(running()) is None


@pytest.mark.parametrize("status", ["draft", "draining", "completed", "cancelled"])
def test_one_that_does_not_run_waits_for_nothing(status: str) -> None:
    assert progress.waiting(people.campaign(status=status)) is None


def test_pace_alone_is_no_wait() -> None:
    campaign = running()
    soon = timezone.now() + timedelta(seconds=1)
    Pacer.objects.update(next_dial_at=soon)
    CampaignPace.objects.update(next_dial_at=soon)
    campaign.refresh_from_db()
    assert progress.waiting(campaign) is None


def test_no_worker_needs_you() -> None:
    campaign = running(launched_at=timezone.now() - timedelta(minutes=1))
    Pacer.objects.update(loop_seen_at=timezone.now() - timedelta(seconds=16))
    found = waiting(campaign)
    assert (found.held, found.code) == (True, "no-worker")
    assert found.reason == "A worker is there, but none is dialling."
    assert "worker" in found.hint


def test_a_worker_that_is_gone_altogether_is_told_so() -> None:
    campaign = running(launched_at=timezone.now() - timedelta(minutes=9))
    Pacer.objects.update(loop_seen_at=timezone.now() - timedelta(minutes=5))
    found = waiting(campaign)
    assert (found.held, found.code) == (True, "no-worker")
    assert found.reason == "Nothing will be dialled: no worker has been seen for 5 min."


def test_just_after_the_launch_the_worker_is_still_coming() -> None:
    campaign = running()
    Pacer.objects.update(loop_seen_at=None)
    assert (waiting(campaign).held, waiting(campaign).code) == (False, "starting")


@pytest.mark.parametrize(
    ("kind", "hint"),
    [
        (RefusalKind.UNAUTHORISED, "Correct the key"),
        (RefusalKind.PAYMENT, "Recharge"),
        (RefusalKind.FORBIDDEN, "KYC"),
        (RefusalKind.NOT_FOUND, "account SID"),
    ],
)
def test_an_account_held_by_exotels_words_needs_you(kind: RefusalKind, hint: str) -> None:
    campaign = running(due=2)
    attempt = people.attempt(campaign.contacts.order_by("pk")[0])
    settle(attempt.pk, Refused(402, "in the carrier's own words", "", None, kind))
    found = waiting(campaign)
    assert (found.held, found.code) == (True, kind.value)
    assert "in the carrier's own words" in found.reason
    assert hint in found.hint

    control.lift_hold(campaign.account_id, by=COMMAND_LINE)
    assert progress.waiting(campaign) is None


def test_a_hold_that_ends_by_itself_says_when_it_is_looked_at_again() -> None:
    campaign = running()
    now = timezone.now()
    holds.put(
        people.pacer(campaign.account), Hold(holds.UNKNOWNS, "Exotel took calls and did not answer.", probes=True), now
    )
    found = waiting(campaign)
    assert (found.held, found.code, found.until) == (False, "unknowns", now + holds.PROBE_EVERY)
    assert "30 seconds" in found.hint


def test_rate_limited_says_until_when() -> None:
    campaign = running()
    until = timezone.now() + timedelta(seconds=20)
    Pacer.objects.update(backoff_until=until)
    found = waiting(campaign)
    assert (found.code, found.until, found.held) == ("rate-limited", until, False)
    assert "429" in found.reason


def test_all_slots_of_the_account_are_in_use() -> None:
    campaign = running(people.account(max_concurrent=1))
    people.attempt(people.contact(campaign), AttemptState.PLACED)
    assert waiting(campaign).reason == "All 1 slots of the account are in use."


def test_all_slots_of_the_campaign_are_in_use() -> None:
    campaign = running(max_concurrent=1)
    people.attempt(people.contact(campaign), AttemptState.PLACED)
    assert waiting(campaign).code == "campaign-slots"


def test_outside_calling_hours_says_when_they_begin() -> None:
    now = timezone.now()
    shut: dict[str, Any] = {
        "window_start": (now + timedelta(hours=2)).time(),
        "window_end": (now + timedelta(hours=3)).time(),
    }
    campaign = running(time_zone="UTC", **{name: at.replace(microsecond=0, second=0) for name, at in shut.items()})
    found = waiting(campaign)
    assert (found.code, found.held, found.hint) == ("hours", False, "Calls start again by themselves.")
    assert found.until is not None
    assert timedelta(hours=1) < found.until - now <= timedelta(hours=2)


def test_while_people_are_enrolled_it_says_so() -> None:
    campaign = running(due=0, lists=[people.contact_list(3)])
    assert waiting(campaign).code == "enrolling"


def test_while_messages_are_prepared_it_says_so() -> None:
    campaign = running(due=0)
    people.contact(campaign, prepared=False)
    assert waiting(campaign).reason == "The bot's messages are being prepared."


def test_retries_later_say_when_the_next_is_due() -> None:
    campaign = running(due=0)
    at = timezone.now() + timedelta(minutes=30)
    people.contact(campaign, state=ContactState.RETRY, due_at=at)
    assert (waiting(campaign).code, waiting(campaign).until) == ("retry-later", at)


@pytest.mark.parametrize(("calls", "words"), [(1, "1 call is still open."), (2, "2 calls are still open.")])
def test_the_last_calls_are_awaited(calls: int, words: str) -> None:
    campaign = running(due=0)
    for contact in people.contacts(campaign, calls):
        people.attempt(contact, AttemptState.ANSWERED)
    assert waiting(campaign).reason == f"Everybody was called; {words}"


def test_paused_by_a_person_says_who_and_why() -> None:
    campaign = running()
    control.pause(campaign.pk, by=Actor("Meera Kulkarni"))
    assert (waiting(campaign).held, waiting(campaign).reason) == (False, "Paused by Meera Kulkarni.")
    control.resume(campaign.pk, by=COMMAND_LINE)
    control.pause(campaign.pk, by=COMMAND_LINE, reason="Wrong message.")
    assert waiting(campaign).reason == "Wrong message."


def test_paused_by_dialer_needs_you() -> None:
    campaign = running()
    attempt = people.attempt(people.contact(campaign))
    settle(attempt.pk, Refused(400, "CallerId is not valid", "", None, RefusalKind.INVALID_REQUEST))
    found = waiting(campaign)
    assert (found.held, found.hint) == (True, "Mend the cause, then resume.")
    assert "CallerId is not valid" in found.reason
    campaign.refresh_from_db()
    assert campaign.paused_by == DIALER.name


class TestPulse:
    def test_without_a_worker_nothing_will_be_dialled(self) -> None:
        account = people.account()
        pulse = progress.pulse(account)
        assert (pulse.dialling, pulse.label, pulse.state) == (False, "No worker", "bad")
        assert pulse.reason == "Nothing will be dialled: no worker has been seen yet."
        Heartbeat.objects.create(name=heartbeat.DIAL, seen_at=timezone.now() - timedelta(seconds=125))
        assert progress.pulse(account).reason == "Nothing will be dialled: no worker has been seen for 2 min."

    def test_an_idle_account(self) -> None:
        account = people.account()
        heartbeat.beat()
        pulse = progress.pulse(account)
        assert (pulse.dialling, pulse.label, pulse.state, pulse.slots, pulse.limit) == (
            False,
            "Idle",
            "pending",
            500,
            54_000,
        )

    def test_a_dialling_one_with_its_last_minute(self) -> None:
        campaign = running()
        heartbeat.beat()
        now = timezone.now()
        for state, seconds in (("placed", 5), ("refused", 5), ("ended", 61)):
            at = now - timedelta(seconds=seconds)
            over = None if state == "placed" else now
            people.attempt(people.contact(campaign), state, intent_at=at, slot_released_at=over)
        pulse = progress.pulse(campaign.account)
        assert (pulse.dialling, pulse.slots_used, pulse.per_minute) == (True, 1, 1)

    def test_a_held_one_with_the_reason(self) -> None:
        campaign = running()
        holds.put(people.pacer(campaign.account), Hold("payment", "Out of credit.", probes=False), pacing.db_now())
        pulse = progress.pulse(campaign.account)
        assert (pulse.dialling, pulse.state, pulse.label, pulse.reason) == (False, "bad", "Held", "Out of credit.")


def test_the_timeline_shows_acts_on_the_campaign_and_its_account_newest_first() -> None:
    campaign = running(window_start=time(0), window_end=time(0))
    control.pause(campaign.pk, by=Actor("Meera"), reason="lunch")
    control.resume(campaign.pk, by=Actor("Meera"))
    holds.put(people.pacer(campaign.account), Hold("payment", "Out of credit.", probes=False), pacing.db_now())
    people.campaign()
    lines = [(line.text, line.state, line.sub) for line in progress.recent_events(campaign.pk)]
    assert lines == [
        ("Account held", "bad", "Out of credit. · Dialer"),
        ("Resumed", "running", "Meera"),
        ("Paused", "wait", "lunch · Meera"),
    ]


def long_undriven(**fields: Any) -> Campaign:
    """Launched long ago; nobody has driven its account for a while, though a worker is there."""
    campaign = running(launched_at=timezone.now() - timedelta(hours=1), **fields)
    Pacer.objects.update(loop_seen_at=timezone.now() - timedelta(minutes=10))
    Heartbeat.objects.create(name=heartbeat.DIAL, seen_at=timezone.now())
    return campaign


def test_just_after_a_resume_the_worker_is_still_coming() -> None:
    campaign = long_undriven()
    assert waiting(campaign).code == "no-worker"
    control.pause(campaign.pk, by=COMMAND_LINE)
    control.resume(campaign.pk, by=COMMAND_LINE)
    assert (waiting(campaign).held, waiting(campaign).code) == (False, "starting")
    AuditEntry.objects.update(at=timezone.now() - timedelta(seconds=20))
    assert waiting(campaign).code == "no-worker"


def test_an_account_that_no_loop_may_drive_says_what_a_person_must_mend() -> None:
    campaign = long_undriven()
    holds.note_configured(people.pacer(campaign.account), "no address", timezone.now())
    found = waiting(campaign)
    assert (found.held, found.code) == (True, "misconfigured")
    assert "no address" in found.reason


def test_while_the_one_call_that_tries_is_out_the_hold_is_the_reason() -> None:
    campaign = running(due=2)
    Pacer.objects.update(held_code=holds.UNKNOWNS, held_reason="No word.", probe_at=timezone.now(), probing=True)
    assert progress.waiting(campaign) is None
    attempt = people.attempt(campaign.contacts.order_by("pk")[0])
    found = waiting(campaign)
    assert (found.held, found.code) == (False, "unknowns")
    assert "One call is out to see whether it is over." in found.reason
    settle(attempt.pk, Refused(402, "no money", "", None, RefusalKind.PAYMENT))
    assert waiting(campaign).code == "payment"
