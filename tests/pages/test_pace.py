"""The pace card: another pace without a pause, outcomes over time, retries due."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.utils import timezone

from campaigns import adjusting, over_time, progress
from campaigns.audit import COMMAND_LINE
from campaigns.control import NotAllowed
from campaigns.lifecycle import ContactState
from campaigns.models import AuditEntry, CallAttempt, Campaign, CampaignContact, CampaignPace
from campaigns.views import charts
from campaigns.views.live import OUTCOMES
from tests.pages import world

NOON = datetime(2026, 11, 20, 12, 2, tzinfo=UTC)


@pytest.fixture
def campaign(db: None) -> Campaign:
    return world.launched(world.account(), world.people(6))


def _adjust(campaign: Campaign, per_second: str = "2.5", slots: int = 7) -> None:
    adjusting.adjust(campaign.pk, calls_per_second=Decimal(per_second), max_concurrent=slots, by=COMMAND_LINE)
    campaign.refresh_from_db()


# ------------------------------------------------------------------------------------------------------------ adjust
def test_another_pace_counts_from_the_next_call_without_a_pause(campaign: Campaign) -> None:
    before = campaign.generation
    _adjust(campaign)
    assert (campaign.calls_per_second, campaign.max_concurrent) == (Decimal("2.5"), 7)
    assert (campaign.status, campaign.generation) == ("running", before)


def test_a_turn_far_off_comes_nearer_with_a_faster_pace(campaign: Campaign) -> None:
    CampaignPace.objects.update(next_dial_at=timezone.now() + timedelta(minutes=15))
    _adjust(campaign)
    assert CampaignPace.objects.get().next_dial_at < timezone.now() + timedelta(seconds=1)


def test_a_slower_pace_never_brings_a_turn_forward(campaign: Campaign) -> None:
    soon = timezone.now() + timedelta(milliseconds=300)
    CampaignPace.objects.update(next_dial_at=soon)
    _adjust(campaign, "0.001")
    assert CampaignPace.objects.get().next_dial_at == soon


def test_the_change_is_audited_and_told_among_the_last_events(campaign: Campaign) -> None:
    _adjust(campaign)
    assert AuditEntry.objects.get(action="adjust").subject == f"campaign:{campaign.pk}"
    told = progress.recent_events(campaign.pk)[0]
    assert told.text == "Changed while it runs"
    assert "→ 2.5 a second; Calls at the same time: 30 → 7" in told.sub


@pytest.mark.parametrize(
    ("per_second", "slots", "words"),
    [("0", 5, "must be at least 0.001"), ("1000", 5, "must be at most 999"), ("1", 0, "At least one call at a time")],
)
def test_figures_that_no_campaign_may_have_change_nothing(
    campaign: Campaign, per_second: str, slots: int, words: str
) -> None:
    with pytest.raises(NotAllowed, match=words):
        _adjust(campaign, per_second, slots)
    assert not AuditEntry.objects.filter(action="adjust").exists()


@pytest.mark.parametrize("status", ["completed", "cancelled", "draining"])
def test_an_ended_campaign_has_no_pace_to_change(campaign: Campaign, status: str) -> None:
    Campaign.objects.update(status=status)
    with pytest.raises(NotAllowed, match="nobody else is called"):
        _adjust(campaign)


def test_the_form_on_the_card_changes_the_pace(client_of_meera: Client, campaign: Campaign) -> None:
    page = client_of_meera.get(f"/campaigns/{campaign.pk}/").content.decode()
    assert f'action="/campaigns/{campaign.pk}/pace"' in page
    assert 'name="per_minute"' in page
    sent = {"per_minute": "15", "max_concurrent": "3"}
    answer = client_of_meera.post(f"/campaigns/{campaign.pk}/pace", sent, follow=True).content.decode()
    assert "from the next call on." in answer
    campaign.refresh_from_db()
    assert (campaign.calls_per_second, campaign.max_concurrent) == (Decimal("0.25"), 3)
    assert AuditEntry.objects.get(action="adjust").actor_name == "Meera Kulkarni"


def test_a_wrong_figure_is_told_in_words(client_of_meera: Client, campaign: Campaign) -> None:
    sent = {"per_minute": "fast", "max_concurrent": "3"}
    answer = client_of_meera.post(f"/campaigns/{campaign.pk}/pace", sent, follow=True).content.decode()
    assert "Enter a whole number of calls a minute from 1 to 6000." in answer
    assert not AuditEntry.objects.filter(action="adjust").exists()


# --------------------------------------------------------------------------------------------------------- over time
def test_outcomes_fall_into_the_five_minutes_in_which_their_call_began(campaign: Campaign) -> None:
    people = list(campaign.contacts.order_by("pk"))
    when = (NOON, NOON - timedelta(minutes=1), NOON - timedelta(minutes=3), NOON - timedelta(hours=3))
    for person, at, outcome in zip(people, when, ("answered", "busy", "busy", "busy"), strict=False):
        world.call(person, outcome, intent_at=at)
    world.call(people[4], "", state="unknown", intent_at=NOON)
    slices = over_time.outcomes_over_time(campaign, NOON)
    assert len(slices) == 24
    assert [(one.at.minute, one.outcomes) for one in slices if one.total] == [
        (55, {"busy": 1}),
        (0, {"answered": 1, "busy": 1, "unknown": 1}),
    ]


def test_an_ended_campaign_shows_the_last_hours_of_its_life(campaign: Campaign) -> None:
    world.call(world.first_of(campaign), intent_at=NOON)
    campaign.ended_at = NOON + timedelta(minutes=9)
    assert sum(one.total for one in over_time.outcomes_over_time(campaign, NOON + timedelta(days=9))) == 1


def test_the_bars_stand_on_each_other_and_keep_inside_the_plot(campaign: Campaign) -> None:
    for person, outcome in zip(campaign.contacts.all(), ("answered", "busy", "answered", "failed"), strict=False):
        world.call(person, outcome, intent_at=NOON)
    chart = charts.outcomes(over_time.outcomes_over_time(campaign, NOON), OUTCOMES)
    (bar,) = chart.bars
    tops = [float(part.y) for part in bar.parts]
    assert tops == sorted(tops, reverse=True)
    assert tops[-1] >= charts.TOP
    assert bar.title.endswith("2 answered, 1 busy, 1 failed")
    assert chart.rows[0][2] == 4


def test_a_campaign_without_calls_draws_an_empty_chart(campaign: Campaign) -> None:
    chart = charts.outcomes(over_time.outcomes_over_time(campaign, NOON), OUTCOMES)
    assert (chart.bars, chart.most) == ([], 0)


def test_retries_add_up_by_the_quarter_hour(campaign: Campaign) -> None:
    ahead = (-5, 3, 14, 20, 59, 300)  # minutes from two past twelve
    for person, minutes in zip(campaign.contacts.order_by("pk"), ahead, strict=True):
        due = NOON + timedelta(minutes=minutes)
        CampaignContact.objects.filter(pk=person.pk).update(state=ContactState.RETRY, due_at=due)
    found = over_time.retries_due(campaign.pk, 6, NOON)
    assert found.overdue == 1
    assert [(until.minute, count) for until, count in found.quarters] == [(15, 1), (30, 2), (45, 0), (0, 0)]
    assert (found.later, found.total) == (2, 6)


def test_the_card_shows_both_with_their_table(client_of_meera: Client, campaign: Campaign) -> None:
    world.call(world.first_of(campaign))
    assert CallAttempt.objects.count() == 1
    page = client_of_meera.get(f"/campaigns/{campaign.pk}/?part=time").content.decode()
    assert 'id="over-table"' in page
    assert "Answered <b>1</b>" in page
    page = client_of_meera.get(f"/campaigns/{campaign.pk}/?part=retries").content.decode()
    assert "Nobody waits to be called again." in page
