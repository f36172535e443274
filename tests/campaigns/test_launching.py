"""Launch: exactly one wins, running is committed at once, and the people follow."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections, transaction

from campaigns import control, enrolling, pacing
from campaigns.audit import COMMAND_LINE, Actor
from campaigns.lifecycle import CampaignStatus, ContactState
from campaigns.models import AuditEntry, Campaign, CampaignPace, User
from campaigns.refusals import NotAllowed
from tests import people
from tests.campaigns import plans

LAUNCHERS = 50


@pytest.mark.django_db(transaction=True)
def test_of_fifty_launches_at_once_exactly_one_wins() -> None:
    campaign = plans.draft()
    together = threading.Barrier(LAUNCHERS)

    def launch(number: int) -> str:
        try:
            together.wait(30)
            control.launch(campaign.pk, by=Actor(f"operator {number}"))
        except NotAllowed as refused:
            return str(refused)
        finally:
            connections.close_all()
        return "won"

    with ThreadPoolExecutor(LAUNCHERS) as pool:
        answers = list(pool.map(launch, range(LAUNCHERS)))

    assert answers.count("won") == 1
    assert set(answers) == {"won", "This campaign is running already."}
    campaign.refresh_from_db()
    assert (campaign.status, campaign.generation) == (CampaignStatus.RUNNING, 1)
    assert AuditEntry.objects.filter(action="launch").count() == 1
    enrolling.enrol_all()  # a loser may have held the row when the winner would have enrolled; then the tick does it
    assert campaign.contacts.count() == 1


@pytest.mark.django_db
class TestLaunch:
    def test_running_is_committed_with_who_and_when(self, meera: User) -> None:
        campaign = plans.draft()
        control.launch(campaign.pk, by=Actor.of(meera))
        campaign.refresh_from_db()
        assert (campaign.status, campaign.launched_by) == (CampaignStatus.RUNNING, meera)
        assert campaign.launched_at is not None
        assert AuditEntry.objects.get(action="launch").actor == meera

    def test_the_first_people_are_in_the_queue_at_once(self) -> None:
        campaign = plans.draft()
        control.launch(campaign.pk, by=COMMAND_LINE)
        assert set(campaign.contacts.values_list("state", flat=True)) == {ContactState.PENDING}

    def test_a_person_on_two_lists_is_enrolled_once(self) -> None:
        shared = people.phone()
        lists = [people.contact_list([shared, people.phone()]), people.contact_list([people.phone(), shared])]
        campaign = plans.draft(lists=lists)
        control.launch(campaign.pk, by=COMMAND_LINE)
        while enrolling.enrol_all():
            pass
        campaign.refresh_from_db()
        assert campaign.contacts.count() == 3
        assert campaign.enrolled_at is not None

    def test_the_same_list_named_twice_counts_once(self) -> None:
        one = people.contact_list(2)
        assert plans.draft(lists=[one, one]).list_links.count() == 1

    @pytest.mark.parametrize("status", ["running", "paused", "draining", "completed", "cancelled"])
    def test_what_was_launched_is_not_launched_again(self, status: str) -> None:
        campaign = people.campaign(status=status)
        with pytest.raises(NotAllowed, match=f"This campaign is {status} already."):
            control.launch(campaign.pk, by=COMMAND_LINE)
        campaign.refresh_from_db()
        assert (campaign.status, campaign.generation) == (status, 1)

    def test_a_refused_launch_changes_nothing(self) -> None:
        campaign = plans.draft(caller_id="nobody")
        with pytest.raises(NotAllowed, match="caller ID"):
            control.launch(campaign.pk, by=COMMAND_LINE)
        campaign.refresh_from_db()
        assert (campaign.status, campaign.generation) == (CampaignStatus.DRAFT, 0)
        assert not campaign.contacts.exists()
        assert not AuditEntry.objects.filter(action="launch").exists()

    def test_a_newcomer_starts_level_with_the_others(self) -> None:
        """Else it would take all turns until it had caught up."""
        account = people.account()
        old = people.campaign(account)
        CampaignPace.objects.filter(campaign=old).update(served=600)
        newcomer = plans.draft(account, weight=2)
        control.launch(newcomer.pk, by=COMMAND_LINE)
        assert CampaignPace.objects.get(campaign=newcomer).served == 1200

    def test_it_waits_for_the_pacer_as_every_intent_does(self) -> None:
        campaign = plans.draft()
        with transaction.atomic():
            pacing.lock(campaign.account_id)
            control.launch(campaign.pk, by=COMMAND_LINE)  # the same transaction holds it: no deadlock with itself
        assert Campaign.objects.get().status == CampaignStatus.RUNNING
