"""The drill: copy the database, dial on, put the copy back, start. The carrier's ledger says that nobody was dialled
twice, and in the end everybody has the outcome that the carrier knows."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.utils import timezone

from campaigns import control, dialing, gaps, holds, pacing, reconciling, restoring, sweeping
from campaigns.audit import COMMAND_LINE
from campaigns.lifecycle import OPEN_ATTEMPTS
from campaigns.models import CallAttempt, Campaign, Gap
from campaigns.refusals import NotAllowed
from tests import people
from tests.dialing.copies import Copy
from tests.dialing.driving import Simulator, simulator, ticking, until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("unhurried")]

FATES = (0, 1, 2, 10, 11, 12, 40)  # answers, busy, no answer, fails, a reset with a call behind it
OUTCOMES = {"completed": "answered", "busy": "busy", "no-answer": "no-answer", "failed": "failed"}


@pytest.fixture
def exotel(tmp_path: Path) -> Iterator[Simulator]:
    with simulator(tmp_path).up() as running:
        yield running


@pytest.fixture
def copy() -> Iterator[type[Copy]]:
    made: list[Copy] = []

    class Kept(Copy):
        def __init__(self) -> None:
            super().__init__()
            made.append(self)

    yield Kept
    for one in made:
        one.remove()


def campaign_of(exotel: Simulator, crowd: int) -> Campaign:
    account = people.account(api_url=exotel.options.base_url, reporting_lag=1)
    campaign = people.campaign(account, calls_per_second=30)
    people.contacts(campaign, [people.phone(FATES[place % len(FATES)]) for place in range(crowd)])
    people.proven(campaign)
    return campaign


@contextmanager
def working() -> Iterator[None]:
    """The workers are started, and stopped at the end of the block."""
    dialing.stopping.clear()
    with ticking():
        yield


def dial_until(campaign: Campaign, calls: int) -> None:
    with working():
        until(lambda: _heard() and campaign.attempts.count() >= calls)


def start(campaign: Campaign) -> None:
    """What an operator does after a restore; a loop has a second to do harm."""
    with working():
        until(lambda: Gap.objects.filter(account=campaign.account_id).exists())
        time.sleep(0.3)


def time_passes() -> None:
    """The last calls are over, and Exotel lists them."""
    Gap.objects.update(ready_at=timezone.now())


def finish(campaign: Campaign) -> None:
    """Everybody who is left is dialled, and Exotel says how the calls ended."""
    with working():
        until(lambda: _heard() and not campaign.contacts.filter(state__in=("pending", "retry")).exists())
    until(lambda: _heard() and not campaign.attempts.filter(state__in=OPEN_ATTEMPTS).exists())


def _heard() -> bool:
    """What callbacks would tell: nobody listens for them here."""
    sweeping.sweep_orphans()
    CallAttempt.objects.filter(state__in=OPEN_ATTEMPTS, check_at__isnull=False).update(check_at=timezone.now())
    reconciling.reconcile_for(0.2)
    return True


def judge(exotel: Simulator, campaign: Campaign) -> None:
    """Nobody twice, no number of an attempt twice, everybody's outcome the carrier's."""
    book = exotel.ledger
    assert not book.doubles()
    assert not book.doubled_custom_fields()
    told = dict(campaign.contacts.values_list("phone", "last_outcome"))
    assert len(book.calls) == len(told)
    assert told == {phone: OUTCOMES[book.by_number(phone)[0].status] for phone in told}
    assert set(campaign.attempts.values_list("sid", flat=True)) == set(book.calls)
    assert set(campaign.contacts.values_list("state", "tries")) == {("done", 1)}


def test_after_a_restore_nobody_is_dialled_again(exotel: Simulator, copy: type[Copy]) -> None:
    campaign = campaign_of(exotel, 60)
    dial_until(campaign, 12)
    before = copy()
    dial_until(campaign, campaign.attempts.count() + 15)
    made = len(exotel.ledger.calls)
    known = campaign.attempts.count()
    before.put_back()
    assert campaign.attempts.count() < known

    start(campaign)
    campaign.refresh_from_db()
    assert (campaign.status, campaign.paused_by) == ("paused", "Dialer")
    assert people.pacer(campaign.account).held_code == holds.RESTORED
    assert len(exotel.ledger.calls) == made  # nobody was dialled
    with pytest.raises(NotAllowed, match="ask again at"):
        restoring.resume(campaign.pk, by=COMMAND_LINE, do_not_call_is_back=True)

    time_passes()
    found = restoring.resume(campaign.pk, by=COMMAND_LINE, do_not_call_is_back=True)
    assert found.checked
    assert len(found.lines) == made - found.known
    assert found.counts()["recorded"] >= 10
    assert found.counts()["nobody"] == 0
    campaign.refresh_from_db()
    assert (campaign.status, people.pacer(campaign.account).held_code) == ("running", "")
    finish(campaign)
    judge(exotel, campaign)
    assert gaps.clear(campaign.account_id)  # the next start finds nothing


def test_a_database_that_is_put_back_under_a_running_loop_is_noticed_as_well(
    exotel: Simulator, copy: type[Copy]
) -> None:
    campaign = campaign_of(exotel, 60)
    dial_until(campaign, 8)
    before, known = copy(), campaign.attempts.count()
    with working():
        until(lambda: _heard() and campaign.attempts.count() >= known + 12)
        before.put_back()
        until(lambda: Gap.objects.filter(account=campaign.account_id).exists())
        time.sleep(0.3)
    made = len(exotel.ledger.calls)
    assert made < 60
    assert not exotel.ledger.doubles()
    time_passes()
    restoring.resume(campaign.pk, by=COMMAND_LINE, do_not_call_is_back=True)
    finish(campaign)
    judge(exotel, campaign)


def test_a_restore_of_a_restore_is_found_again(exotel: Simulator, copy: type[Copy]) -> None:
    campaign = campaign_of(exotel, 42)
    dial_until(campaign, 6)
    before = copy()
    dial_until(campaign, campaign.attempts.count() + 6)
    for _ in range(2):
        before.put_back()
        start(campaign)
        assert gaps.open_gap(campaign.account_id)
        time_passes()
        assert restoring.resume(campaign.pk, by=COMMAND_LINE, do_not_call_is_back=True).lines
        dial_until(campaign, min(campaign.attempts.count() + 6, 30))
    finish(campaign)
    judge(exotel, campaign)


def test_a_campaign_that_was_launched_after_the_copy_calls_nobody_again(exotel: Simulator, copy: type[Copy]) -> None:
    """The copy knows it as a draft, and its people only from their list."""
    account = people.account(api_url=exotel.options.base_url, reporting_lag=1)
    first = people.campaign(account, calls_per_second=30)
    people.contacts(first, [people.phone(1) for _ in range(3)])
    people.proven(first)
    dial_until(first, 3)
    draft = people.campaign(
        account,
        status="draft",
        launched_at=None,
        calls_per_second=30,
        lists=[people.contact_list([people.phone(1) for _ in range(12)])],
    )
    before = copy()
    control.launch(draft.pk, by=COMMAND_LINE)
    dial_until(draft, 12)
    before.put_back()
    people.contact(first)  # somebody is left to call, so that a loop starts
    start(first)
    time_passes()
    found = restoring.resume(first.pk, by=COMMAND_LINE, do_not_call_is_back=True)
    assert found.counts()["recorded"] == 12
    control.launch(draft.pk, by=COMMAND_LINE)
    finish(draft)
    assert not exotel.ledger.doubles()
    assert set(draft.contacts.values_list("state", "last_outcome")) == {("done", "answered")}
    assert pacing.slots_used(account.pk).get(draft.pk, 0) == 0
