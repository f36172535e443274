"""A campaign's lists come into its queue in chunks; a chunk done twice, or by two at once, adds nobody twice."""

import pytest

from campaigns import control, enrolling
from campaigns.models import Campaign, CampaignContact, CampaignList, Contact
from tests import people
from tests.dialing.driving import racing


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(enrolling, "CHUNK", 10)


def enrol(campaign: Campaign) -> int:
    """All chunks; how many there were."""
    chunks = 0
    while enrolling.enrol_chunk(campaign.pk):
        chunks += 1
    campaign.refresh_from_db()
    return chunks


def phones(campaign: Campaign) -> list[str]:
    return list(campaign.contacts.order_by("pk").values_list("phone", flat=True))


@pytest.mark.django_db
def test_a_list_comes_in_by_chunks_and_in_its_order() -> None:
    numbers = [people.phone() for _ in range(25)]
    campaign = people.campaign(lists=[people.contact_list(numbers)])
    assert enrol(campaign) == 3
    assert phones(campaign) == numbers
    assert campaign.enrolled_at is not None
    assert CampaignList.objects.get().total == 25


@pytest.mark.django_db
def test_a_list_that_fills_its_last_chunk_exactly_ends_all_the_same() -> None:
    campaign = people.campaign(lists=[people.contact_list(20)])
    enrol(campaign)
    assert (campaign.contacts.count(), campaign.enrolled_at is None) == (20, False)


@pytest.mark.django_db
def test_two_lists_that_share_people_enrol_each_once() -> None:
    numbers = [people.phone() for _ in range(30)]
    campaign = people.campaign(lists=[people.contact_list(numbers[:20]), people.contact_list(numbers[10:])])
    enrol(campaign)
    assert sorted(phones(campaign)) == sorted(numbers)
    assert sorted(CampaignList.objects.values_list("total", flat=True)) == [10, 20]


@pytest.mark.django_db
def test_a_chunk_done_again_adds_nobody_and_disturbs_nobody() -> None:
    campaign = people.campaign(lists=[people.contact_list(15)])
    enrol(campaign)
    CampaignContact.objects.filter(campaign=campaign).update(state="done")
    CampaignList.objects.update(cursor=0, done=False)
    Campaign.objects.update(enrolled_at=None)
    enrol(campaign)
    assert campaign.contacts.filter(state="done").count() == campaign.contacts.count() == 15


@pytest.mark.django_db(transaction=True)
def test_chunks_done_by_several_processes_at_once_enrol_each_person_once() -> None:
    campaign = people.campaign(lists=[people.contact_list(120), people.contact_list(80)])
    while Campaign.objects.filter(pk=campaign.pk, enrolled_at=None).exists():
        racing(*[lambda: enrolling.enrol_chunk(campaign.pk)] * 3)
    assert len(set(phones(campaign))) == len(phones(campaign)) == 200


@pytest.mark.django_db
def test_people_keep_what_the_list_knows_of_them_and_the_campaign_learns_their_zones() -> None:
    contact_list = people.contact_list(2)
    first, second = Contact.objects.order_by("pk")
    Contact.objects.filter(pk=second.pk).update(time_zone="Europe/London", variables={"due": "₹ 500"})
    campaign = people.campaign(lists=[contact_list])
    enrol(campaign)
    assert sorted(campaign.zones) == ["", "Europe/London"]
    enrolled = campaign.contacts.get(phone=second.phone)
    assert (enrolled.name, enrolled.time_zone, enrolled.variables) == (
        second.name,
        "Europe/London",
        {"due": "₹ 500"},
    )
    assert enrolled.contact_id == second.pk
    assert campaign.contacts.get(phone=first.phone).state == "pending"


@pytest.mark.django_db
def test_only_a_campaign_whose_bot_speaks_waits_for_its_messages() -> None:
    contact_list = people.contact_list(1)
    speaking = people.campaign(lists=[contact_list], mode="bot", bot="announcer", bot_options={"message": "Hello"})
    silent = people.campaign(lists=[contact_list])
    for campaign in (speaking, silent):
        enrol(campaign)
    assert (speaking.contacts.get().prepared, silent.contacts.get().prepared) == (False, True)


@pytest.mark.django_db
def test_a_draft_and_an_ended_campaign_enrol_nobody() -> None:
    for status in ("draft", "scheduled", "completed", "cancelled"):
        people.campaign(status=status, lists=[people.contact_list(1)])
    assert enrolling.enrol_all() == 0
    assert not CampaignContact.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("region", "clock", "zone"),
    [
        ("IN", "America/New_York", "Asia/Kolkata"),  # rung by New York's clock it would be their night
        ("SG", "Asia/Kolkata", "Asia/Singapore"),
        ("IN", "Asia/Kolkata", ""),
        ("IN", "Asia/Calcutta", ""),
        ("LK", "Asia/Kolkata", ""),  # the same time under another name
        ("US", "Asia/Kolkata", ""),  # many clocks: each number has its own
    ],
)
def test_people_in_the_lists_own_country_keep_its_clock(region: str, clock: str, zone: str) -> None:
    campaign = people.campaign(lists=[people.contact_list(2, region=region)], time_zone=clock)
    Contact.objects.filter(name="Person 2").update(time_zone="Asia/Dubai")
    enrol(campaign)
    assert set(campaign.contacts.values_list("time_zone", flat=True)) == {zone, "Asia/Dubai"}
    assert campaign.zones == ["", *sorted({zone, "Asia/Dubai"} - {""})]


def append(campaign: Campaign, people_more: int) -> list[str]:
    """Put new people onto the campaign's list, as an import does; their numbers."""
    contact_list = campaign.lists.get()
    numbers = [people.phone() for _ in range(people_more)]
    Contact.objects.bulk_create(Contact(contact_list=contact_list, phone=number) for number in numbers)
    return numbers


@pytest.mark.django_db
@pytest.mark.parametrize("status", ["running", "paused"])
def test_people_who_are_appended_to_a_list_are_taken_while_the_campaign_runs(status: str) -> None:
    campaign = people.campaign(status=status, lists=[people.contact_list(15)])
    enrol(campaign)
    numbers = append(campaign, 12)
    assert enrolling.enrol_all() == 1
    enrol(campaign)
    assert phones(campaign)[15:] == numbers
    assert campaign.enrolled_at is not None
    assert CampaignList.objects.get().total == 27
    assert enrolling.enrol_all() == 0


@pytest.mark.django_db
@pytest.mark.parametrize("status", ["completed", "cancelled", "draining"])
def test_an_ended_campaign_takes_nobody_who_is_appended(status: str) -> None:
    campaign = people.campaign(lists=[people.contact_list(5)])
    enrol(campaign)
    Campaign.objects.update(status=status)
    append(campaign, 3)
    assert enrolling.enrol_all() == 0
    assert campaign.contacts.count() == 5


@pytest.mark.django_db
def test_a_campaign_is_not_completed_over_people_who_have_just_been_appended() -> None:
    campaign = people.campaign(lists=[people.contact_list(2)])
    enrol(campaign)
    campaign.contacts.update(state="done")
    append(campaign, 1)
    control.finish(campaign.pk)
    campaign.refresh_from_db()
    assert campaign.status == "running"
    enrolling.enrol_all()
    enrol(campaign)
    campaign.contacts.update(state="done")
    control.finish(campaign.pk)
    campaign.refresh_from_db()
    assert campaign.status == "completed"
