"""Live edit: pace, slots, share, hours and end of a campaign that runs, each audited, each a version, no pause."""

from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from campaigns import adjusting, control, intents, replanning
from campaigns.audit import COMMAND_LINE, Actor
from campaigns.calling_hours import Window
from campaigns.intents import Intent, Wait
from campaigns.lifecycle import ContactState
from campaigns.models import AuditEntry, Campaign, CampaignContact, CampaignPace, CampaignVersion, RetryRule
from campaigns.owners import Owner
from campaigns.refusals import NotAllowed
from tests import people
from tests.campaigns import plans

pytestmark = pytest.mark.django_db
MEERA = Actor("Meera Kulkarni")
ALL_DAY = Window(time(0), time(0))


@pytest.fixture
def campaign() -> Campaign:
    made = plans.draft()
    control.launch(made.pk, by=COMMAND_LINE)
    made.refresh_from_db()
    return made


def around(hours_from_now: int, hours: int = 2) -> Window:
    """A window of UTC that opens so many hours from now."""
    opens = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=hours_from_now)
    return Window(opens.time(), (opens + timedelta(hours=hours)).time())


def closed_campaign(**fields: Any) -> Campaign:
    """It runs, and its window opens in five hours, in UTC; somebody in another zone keeps the queue looked at."""
    window = around(5)
    return people.campaign(
        time_zone="UTC", zones=["", "Etc/GMT-5"], window_start=window.start, window_end=window.end, **fields
    )


def next_step(campaign: Campaign) -> Intent | Wait:
    owner = Owner()
    try:
        return intents.next_intent(campaign.account_id, owner.number)
    finally:
        owner.close()


# ---------------------------------------------------------------------------------------------- change and its record
def test_all_at_once_is_one_version_and_one_audit_line_with_before_and_after(campaign: Campaign) -> None:
    end = timezone.now().replace(microsecond=0) + timedelta(hours=3)
    window = Window(time(10), time(18))
    adjusting.adjust(campaign.pk, calls_per_second=Decimal(2), weight=3, window=window, ends_at=end, by=MEERA)
    campaign.refresh_from_db()
    assert (campaign.weight, campaign.window_start, campaign.window_end) == (3, time(10), time(18))
    assert (campaign.ends_at, campaign.status, campaign.version) == (end, "running", 2)
    said = AuditEntry.objects.get(action="adjust").details
    assert said["version"] == 2
    for part in ("→ 2 a second", "Share of the account: 1 part → 3 parts", "→ 10:00–18:00", "End: none → "):
        assert part in said["reason"]


def test_what_was_so_already_is_no_version_and_no_audit_line(campaign: Campaign) -> None:
    pace, slots = campaign.calls_per_second, campaign.max_concurrent
    assert adjusting.adjust(campaign.pk, calls_per_second=pace, max_concurrent=slots, by=MEERA) == []
    assert CampaignVersion.objects.count() == 1
    assert not AuditEntry.objects.filter(action="adjust").exists()


def test_older_versions_stay_as_they_were(campaign: Campaign) -> None:
    for weight in (2, 3):
        adjusting.adjust(campaign.pk, weight=weight, by=MEERA)
    kept = CampaignVersion.objects.order_by("number").values_list("number", "settings__weight", "by_name")
    assert list(kept) == [(1, 1, "command line"), (2, 2, MEERA.name), (3, 3, MEERA.name)]


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ({"weight": 0}, "between 1 and 100"),
        ({"weight": 101}, "between 1 and 100"),
        ({"ends_at": datetime(2020, 1, 1, tzinfo=UTC)}, "has passed already"),
        ({"window": Window(time(12), time(12, 0, 30))}, "too short"),
    ],
)
def test_what_no_campaign_may_have_changes_nothing(campaign: Campaign, wanted: Any, words: str) -> None:
    with pytest.raises(NotAllowed, match=words):
        adjusting.adjust(campaign.pk, by=MEERA, **wanted)
    before = campaign.window_start, campaign.weight, campaign.ends_at
    campaign.refresh_from_db()
    assert (campaign.window_start, campaign.weight, campaign.ends_at) == before
    assert CampaignVersion.objects.count() == 1


def test_hours_never_become_wider_than_the_law_allows() -> None:
    campaign = people.campaign(plans.real(), window_start=time(10), window_end=time(18))
    with pytest.raises(NotAllowed, match="wider than the law allows"):
        adjusting.adjust(campaign.pk, window=Window(time(8), time(18)), by=MEERA)
    adjusting.adjust(campaign.pk, window=Window(time(9), time(21)), by=MEERA)
    campaign.refresh_from_db()
    assert (campaign.window_start, campaign.window_end) == (time(9), time(21))


@pytest.mark.parametrize("status", ["draining", "completed", "cancelled"])
def test_what_calls_nobody_any_more_cannot_be_changed(status: str) -> None:
    with pytest.raises(NotAllowed, match="nobody else is called"):
        adjusting.adjust(people.campaign(status=status).pk, weight=2, by=MEERA)


def test_a_draft_is_edited_and_not_adjusted() -> None:
    with pytest.raises(NotAllowed, match="edit it"):
        adjusting.adjust(plans.draft().pk, weight=2, by=MEERA)


# --------------------------------------------------------------------------------------------------------------- share
@pytest.mark.parametrize(("old", "new", "served"), [(1, 3, 300), (3, 1, 33)])
def test_another_share_neither_waits_nor_makes_up_for_the_past(old: int, new: int, served: int) -> None:
    campaign = people.campaign(weight=old)
    CampaignPace.objects.update(served=100)
    adjusting.adjust(campaign.pk, weight=new, by=MEERA)
    assert CampaignPace.objects.get().served == served


# --------------------------------------------------------------------------------------------------------------- hours
def test_a_widened_window_takes_effect_at_once() -> None:
    campaign = closed_campaign()
    people.contact(campaign)
    assert isinstance(next_step(campaign), Wait)
    adjusting.adjust(campaign.pk, window=ALL_DAY, by=MEERA)
    assert isinstance(next_step(campaign), Intent)


def test_people_who_were_put_off_by_the_old_hours_are_called_at_once() -> None:
    campaign = closed_campaign()
    later = timezone.now() + timedelta(hours=5)
    people.contacts(campaign, 3, due_at=later, reason_code="hours", reason="Outside calling hours")
    adjusting.adjust(campaign.pk, window=ALL_DAY, by=MEERA)
    assert not CampaignContact.objects.filter(due_at__gt=timezone.now()).exists()
    assert isinstance(next_step(campaign), Intent)


def test_a_retry_that_the_old_hours_put_off_comes_when_its_rule_says() -> None:
    campaign = closed_campaign(max_attempts=3)
    RetryRule.objects.create(campaign=campaign, outcome="busy", times=2, delay_minutes=30)
    planned, now = timezone.now() + timedelta(hours=5), timezone.now()
    fields = {"state": ContactState.RETRY, "reason_code": "retry-rule", "last_outcome": "busy", "changed_at": now}
    contact = people.contact(campaign, due_at=planned, **fields)
    adjusting.adjust(campaign.pk, window=ALL_DAY, by=MEERA)
    contact.refresh_from_db()
    assert contact.due_at == now + timedelta(minutes=30)


def test_other_waits_keep_their_time() -> None:
    campaign = closed_campaign()
    later = timezone.now() + timedelta(hours=5)
    contact = people.contact(campaign, due_at=later, reason_code="daily-cap")
    adjusting.adjust(campaign.pk, window=ALL_DAY, by=MEERA)
    contact.refresh_from_db()
    assert contact.due_at == later


def test_a_narrowed_window_counts_from_the_next_intent_on() -> None:
    campaign = people.campaign(time_zone="UTC")
    people.contacts(campaign, 2)
    assert isinstance(next_step(campaign), Intent)
    adjusting.adjust(campaign.pk, window=around(5), by=MEERA)
    people.rest(campaign)
    step = next_step(campaign)
    assert isinstance(step, Wait)
    assert step.block.code == "hours"


def test_many_are_planned_anew_in_chunks_which_housekeeping_goes_on_with(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "AT_ONCE", 2)
    monkeypatch.setattr(replanning, "CHUNK", 2)
    campaign = closed_campaign()
    people.contacts(campaign, 5, due_at=timezone.now() + timedelta(hours=5), reason_code="hours")
    waiting = CampaignContact.objects.filter(due_at__gt=timezone.now() + timedelta(hours=1))
    adjusting.adjust(campaign.pk, window=ALL_DAY, by=MEERA)
    assert waiting.count() == 3
    replanning.replan_all()
    assert not waiting.exists()
    campaign.refresh_from_db()
    assert campaign.replan_after is None


def test_a_chunk_looks_at_so_many_people_and_no_more_however_few_of_them_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """The campaign's row is locked meanwhile, and a pause would wait for it with the whole account."""
    monkeypatch.setattr(replanning, "WALK", 3)
    campaign = closed_campaign()
    people.contacts(campaign, 7)
    later = timezone.now() + timedelta(hours=5)
    last = people.contact(campaign, due_at=later, reason_code="hours")
    adjusting.adjust(campaign.pk, window=ALL_DAY, by=MEERA)
    campaign.refresh_from_db()
    assert campaign.replan_after == sorted(campaign.contacts.values_list("pk", flat=True))[2]
    assert replanning.replan_chunk(campaign.pk)
    assert not replanning.replan_chunk(campaign.pk)
    last.refresh_from_db()
    assert last.due_at < later


def test_another_pace_plans_nobody_anew(campaign: Campaign) -> None:
    adjusting.adjust(campaign.pk, max_concurrent=3, by=MEERA)
    campaign.refresh_from_db()
    assert campaign.replan_after is None
