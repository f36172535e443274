"""Pause, resume, stop, drain, complete: conditional, audited, and nobody is left behind in a queue."""

import threading

import pytest
from django.db import connections, transaction
from django.utils import timezone

from campaigns import control, enrolling, holds, intents, outcomes, pacing
from campaigns.audit import COMMAND_LINE, Actor
from campaigns.holds import Hold
from campaigns.intents import Intent
from campaigns.lifecycle import AttemptState, CampaignStatus, ContactState
from campaigns.models import AuditEntry, CallAttempt, Campaign, CampaignContact, CampaignPace, RetryRule
from campaigns.outcomes import Statement
from campaigns.owners import Owner
from campaigns.refusals import NotAllowed
from tests import people
from tests.campaigns import plans

pytestmark = pytest.mark.django_db
MEERA = Actor("Meera Kulkarni")


def states(campaign: Campaign) -> list[str]:
    return list(campaign.contacts.order_by("pk").values_list("state", flat=True))


def status(campaign: Campaign) -> str:
    campaign.refresh_from_db()
    return campaign.status


def end(attempt: CallAttempt, outcome: str = "answered") -> None:
    with transaction.atomic():
        outcomes.apply(attempt.pk, Statement(source="callback", at=timezone.now(), status=outcome))


def held(campaign: Campaign, hold: Hold) -> None:
    with transaction.atomic():
        holds.put(pacing.lock(campaign.account_id), hold, timezone.now())


class TestPause:
    def test_it_says_who_and_why(self) -> None:
        campaign = people.campaign()
        control.pause(campaign.pk, by=MEERA, reason="wrong message")
        assert status(campaign) == CampaignStatus.PAUSED
        assert (campaign.paused_by, campaign.paused_reason, campaign.generation) == (MEERA.name, "wrong message", 2)
        assert AuditEntry.objects.get().details == {"reason": "wrong message"}

    def test_no_intent_is_granted_after_it(self) -> None:
        campaign = people.campaign()
        people.contacts(campaign, 2)
        owner = Owner()
        try:
            assert isinstance(intents.next_intent(campaign.account_id, owner.number), Intent)
            control.pause(campaign.pk, by=MEERA)
            assert not isinstance(intents.next_intent(campaign.account_id, owner.number), Intent)
            control.resume(campaign.pk, by=MEERA)
            assert isinstance(intents.next_intent(campaign.account_id, owner.number), Intent)
        finally:
            owner.close()

    def test_talks_in_progress_go_on(self) -> None:
        campaign = people.campaign()
        attempt = people.attempt(people.contact(campaign), AttemptState.ANSWERED)
        control.pause(campaign.pk, by=MEERA)
        attempt.refresh_from_db()
        assert attempt.state == AttemptState.ANSWERED
        end(attempt)
        assert states(campaign) == [ContactState.DONE]

    def test_a_paused_campaign_does_not_complete_by_itself(self) -> None:
        campaign = people.campaign(status="paused")
        control.finish_all()
        assert status(campaign) == CampaignStatus.PAUSED

    @pytest.mark.parametrize(
        ("now", "sentence"),
        [
            ("draft", "This campaign is a draft, not running."),
            ("paused", "This campaign is paused already."),
            ("draining", "This campaign is draining, not running."),
            ("completed", "This campaign is completed, not running."),
            ("cancelled", "This campaign is cancelled, not running."),
        ],
    )
    def test_only_a_running_campaign_can_be_paused(self, now: str, sentence: str) -> None:
        campaign = people.campaign(status=now)
        with pytest.raises(NotAllowed) as refused:
            control.pause(campaign.pk, by=MEERA)
        assert refused.value.problems == [sentence]
        assert not AuditEntry.objects.exists()


class TestResume:
    def test_it_forgets_who_paused_and_the_bad_requests(self) -> None:
        campaign = people.campaign(status="paused", paused_by="Dialer", paused_reason="400")
        CampaignPace.objects.update(bad_requests_in_row=5)
        control.resume(campaign.pk, by=MEERA)
        assert status(campaign) == CampaignStatus.RUNNING
        assert (campaign.paused_by, campaign.paused_reason) == ("", "")
        assert CampaignPace.objects.get().bad_requests_in_row == 0
        assert AuditEntry.objects.get().action == "resume"

    @pytest.mark.parametrize("now", ["a draft", "running", "draining", "completed", "cancelled"])
    def test_only_a_paused_campaign_can_be_resumed(self, now: str) -> None:
        campaign = people.campaign(status=now.removeprefix("a "))
        with pytest.raises(NotAllowed, match=f"This campaign is {now}, not paused."):
            control.resume(campaign.pk, by=MEERA)

    @pytest.mark.parametrize("now", ["running", "paused"])
    def test_it_lifts_a_hold_that_waits_for_a_person(self, now: str) -> None:
        campaign = people.campaign(status=now)
        held(campaign, Hold("payment", "The Exotel account is out of credit.", probes=False))
        control.resume(campaign.pk, by=MEERA)
        assert status(campaign) == CampaignStatus.RUNNING
        assert people.pacer(campaign.account).held_code == ""
        assert AuditEntry.objects.filter(action="lift hold", actor_name=MEERA.name).exists()

    def test_it_leaves_a_hold_that_ends_by_itself(self) -> None:
        campaign = people.campaign()
        held(campaign, Hold("unknowns", "Exotel took calls without telling us what became of them.", probes=True))
        with pytest.raises(NotAllowed, match="running, not paused"):
            control.resume(campaign.pk, by=MEERA)
        assert people.pacer(campaign.account).held_code == "unknowns"


class TestStop:
    def test_a_draft_is_cancelled_at_once(self) -> None:
        campaign = plans.draft()
        control.stop(campaign.pk, by=MEERA)
        assert status(campaign) == CampaignStatus.CANCELLED
        assert campaign.ended_at is not None

    @pytest.mark.parametrize("now", ["running", "paused"])
    def test_who_was_not_called_is_skipped_with_the_reason(self, now: str) -> None:
        campaign = people.campaign(status=now)
        people.contacts(campaign, 3)
        control.stop(campaign.pk, by=MEERA)
        assert status(campaign) == CampaignStatus.CANCELLED
        assert states(campaign) == [ContactState.SKIPPED] * 3
        assert set(campaign.contacts.values_list("reason", flat=True)) == {"The campaign was stopped before this call."}

    def test_a_click_waits_for_the_first_of_many_only_and_housekeeping_skips_the_rest(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(control, "AT_ONCE", 2)
        campaign = people.campaign()
        people.contacts(campaign, 5)
        control.stop(campaign.pk, by=MEERA)
        assert status(campaign) == CampaignStatus.DRAINING
        assert states(campaign).count(ContactState.SKIPPED) == 2
        control.finish_all()
        assert status(campaign) == CampaignStatus.CANCELLED
        assert states(campaign) == [ContactState.SKIPPED] * 5

    def test_it_drains_until_the_last_call_has_ended(self) -> None:
        campaign = people.campaign(max_attempts=3)
        campaign.retry_rules.create(outcome="busy", times=2)
        first, _ = people.contacts(campaign, 2)
        attempt = people.attempt(first, AttemptState.PLACED)
        control.stop(campaign.pk, by=MEERA)
        assert status(campaign) == CampaignStatus.DRAINING
        assert states(campaign) == [ContactState.IN_CALL, ContactState.SKIPPED]

        end(attempt, "busy")
        control.finish_all()
        assert status(campaign) == CampaignStatus.CANCELLED
        assert states(campaign) == [ContactState.DONE, ContactState.SKIPPED]
        assert campaign.ended_at is not None

    def test_uncertain_people_do_not_hold_it(self) -> None:
        campaign = people.campaign()
        people.attempt(people.contact(campaign), AttemptState.UNKNOWN)
        control.stop(campaign.pk, by=MEERA)
        assert status(campaign) == CampaignStatus.CANCELLED
        assert states(campaign) == [ContactState.UNCERTAIN]

    def test_late_evidence_about_them_is_still_applied_and_nobody_is_called_again(self) -> None:
        campaign = people.campaign(max_attempts=3)
        campaign.retry_rules.create(outcome="busy", times=2)
        attempt = people.attempt(people.contact(campaign), AttemptState.UNKNOWN)
        control.stop(campaign.pk, by=MEERA)
        end(attempt, "busy")
        assert states(campaign) == [ContactState.DONE]
        assert status(campaign) == CampaignStatus.CANCELLED

    def test_nobody_is_added_to_the_queue_after_it(self) -> None:
        """Lists are enrolled in chunks; what was not in yet stays out, and no chunk comes after the end."""
        campaign = people.campaign(lists=[people.contact_list(4)])
        busy = people.attempt(people.contact(campaign), AttemptState.PLACED)
        control.stop(campaign.pk, by=MEERA)
        while enrolling.enrol_all():
            pass
        end(busy)
        control.finish_all()
        assert status(campaign) == CampaignStatus.CANCELLED
        assert not campaign.contacts.filter(state=ContactState.PENDING).exists()

    @pytest.mark.parametrize("now", ["draining", "completed", "cancelled"])
    def test_what_has_ended_cannot_be_stopped(self, now: str) -> None:
        campaign = people.campaign(status=now)
        with pytest.raises(NotAllowed, match=f"This campaign is {now} already."):
            control.stop(campaign.pk, by=MEERA)


class TestCompletion:
    def test_it_completes_when_nobody_is_pending_due_or_in_call(self) -> None:
        campaign = people.campaign()
        people.contact(campaign, state=ContactState.DONE)
        people.contact(campaign, state=ContactState.SKIPPED)
        people.attempt(people.contact(campaign), AttemptState.UNKNOWN)
        control.finish_all()
        assert status(campaign) == CampaignStatus.COMPLETED
        assert campaign.ended_at is not None

    @pytest.mark.parametrize("state", [ContactState.PENDING, ContactState.RETRY, ContactState.IN_CALL])
    def test_one_person_who_is_still_to_be_called_keeps_it_running(self, state: str) -> None:
        campaign = people.campaign()
        people.contact(campaign, state=state)
        control.finish_all()
        assert status(campaign) == CampaignStatus.RUNNING

    def test_it_does_not_complete_before_everybody_is_enrolled(self) -> None:
        campaign = people.campaign(lists=[people.contact_list(1)])
        control.finish_all()
        assert status(campaign) == CampaignStatus.RUNNING

    def test_an_answer_that_comes_after_completion_and_refuses_wakes_it_again(self) -> None:
        """A late 429: nobody was dialled, so the person is to be called, and a completed campaign calls nobody."""
        campaign = people.campaign(status="completed")
        attempt = people.attempt(people.contact(campaign), AttemptState.UNKNOWN)
        with transaction.atomic():
            pacing.lock(campaign.account_id)
            now = pacing.db_now()
            assert outcomes.refuse(attempt, "rate-limited", "Slow down", http_status=429, now=now)
            outcomes.back_in_line(attempt, now, "")
        assert status(campaign) == CampaignStatus.RUNNING
        contact = CampaignContact.objects.get()
        assert (contact.state, contact.tries) == (ContactState.PENDING, 0)


def test_every_act_of_the_command_line_is_in_the_audit() -> None:
    campaign = plans.draft()
    for act in (control.launch, control.pause, control.resume, control.stop):
        act(campaign.pk, by=COMMAND_LINE)
    rows = AuditEntry.objects.order_by("pk").values_list("actor_name", "action", "subject")
    assert list(rows) == [
        ("command line", action, f"campaign:{campaign.pk}")
        for action in ("create", "launch", "pause", "resume", "stop")
    ]


@pytest.mark.django_db(transaction=True)
def test_a_retry_planned_while_the_campaign_was_completed_reopens_it() -> None:
    """A late callback about an uncertain call saw it running; completing it could not see the callback's retry yet."""
    campaign = people.campaign(max_attempts=2)
    RetryRule.objects.create(campaign=campaign, outcome="busy", times=1, delay_minutes=0)
    attempt = people.attempt(people.contact(campaign), AttemptState.UNKNOWN)
    applied, completed = threading.Event(), threading.Event()

    def callback() -> None:
        try:
            with transaction.atomic():
                outcomes.apply(attempt.pk, Statement(source="callback", at=timezone.now(), status="busy"))
                applied.set()
                completed.wait(20)
        finally:
            connections.close_all()

    thread = threading.Thread(target=callback)
    thread.start()
    assert applied.wait(20)
    control.finish_all()
    assert status(campaign) == CampaignStatus.COMPLETED
    completed.set()
    thread.join(20)
    assert states(campaign) == [ContactState.RETRY]

    control.finish_all()
    assert (status(campaign), campaign.ended_at) == (CampaignStatus.RUNNING, None)
    control.finish_all()
    assert status(campaign) == CampaignStatus.RUNNING
