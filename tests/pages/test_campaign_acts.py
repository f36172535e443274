"""Launch, pause, resume, stop and duplicate, from the pages."""

from django.test import Client

from campaigns.models import Campaign, CampaignContact
from tests.pages import world
from tests.pages.counting import statements


def test_the_review_tells_who_is_called_and_how(client_of_meera: Client, db: None) -> None:
    campaign = world.draft(world.account(), world.people(3), max_attempts=2)
    page = client_of_meera.get(f"/campaigns/{campaign.pk}/").content.decode()
    assert "3 people will be called, each at most 2 times." in page
    assert "Call 3 people now" in page


def test_what_must_be_mended_is_told_before_the_launch(client_of_meera: Client, db: None) -> None:
    campaign = world.draft(world.account(), world.people(0))
    page = client_of_meera.get(f"/campaigns/{campaign.pk}/").content.decode()
    assert "1 thing to mend before the launch." in page
    assert "The chosen lists are empty: import a file first." in page
    assert "disabled" in page


def test_launching_twice_says_that_it_runs_already(client_of_meera: Client, db: None) -> None:
    campaign = world.draft(world.account(), world.people())
    launch = f"/campaigns/{campaign.pk}/launch"
    assert "Launched November EMI reminder." in client_of_meera.post(launch, follow=True).content.decode()
    assert "This campaign is running already." in client_of_meera.post(launch, follow=True).content.decode()


def test_pause_and_resume_follow_each_other(client_of_meera: Client, db: None) -> None:
    campaign = world.launched(world.account(), world.people())
    page = client_of_meera.post(f"/campaigns/{campaign.pk}/pause", follow=True).content.decode()
    assert "By Meera Kulkarni." in page
    assert "Resume" in page
    client_of_meera.post(f"/campaigns/{campaign.pk}/resume")
    campaign.refresh_from_db()
    assert campaign.status == "running"


def test_stopping_asks_first_and_then_skips_who_was_not_called(client_of_meera: Client, db: None) -> None:
    campaign = world.launched(world.account(), world.people(3))
    asked = client_of_meera.get(f"/campaigns/{campaign.pk}/stop").content.decode()
    assert "3 people will not be called." in asked
    client_of_meera.post(f"/campaigns/{campaign.pk}/stop")
    assert set(CampaignContact.objects.values_list("state", flat=True)) == {"skipped"}


def test_a_duplicate_is_a_draft_with_the_same_settings(client_of_meera: Client, db: None) -> None:
    campaign = world.launched(world.account(), world.people(), ring_timeout=33)
    client_of_meera.post(f"/campaigns/{campaign.pk}/duplicate")
    copy = Campaign.objects.exclude(pk=campaign.pk).get()
    assert (copy.status, copy.ring_timeout, copy.name) == ("draft", 33, "November EMI reminder, again")
    assert list(copy.lists.all()) == list(campaign.lists.all())


def test_an_act_on_a_campaign_that_is_not_there_is_a_404(client_of_meera: Client) -> None:
    assert client_of_meera.post("/campaigns/4711/launch").status_code == 404


def test_a_test_call_is_kept_out_of_the_list(client_of_meera: Client, db: None) -> None:
    world.draft(world.account(), world.people(), is_test=True, name="Test call")
    assert "Test call" not in client_of_meera.get("/campaigns/").content.decode()


def test_the_list_asks_as_often_for_ten_campaigns_as_for_one(
    client_of_meera: Client, db: None, django_assert_num_queries: object
) -> None:
    account, people = world.account(), world.people()
    counted = []
    for count in (1, 9):
        for place in range(count):
            world.launched(account, people, name=f"Campaign {count}-{place}")
        counted.append(statements(lambda: client_of_meera.get("/campaigns/")))
    assert counted[0] == counted[1]
