"""A campaign over a long list runs at once, and says how far the list has come in."""

import pytest
from django.test import Client

from campaigns import enrolling, filters
from tests import people


@pytest.mark.django_db
def test_the_page_says_how_many_of_how_many_are_in_line(client_of_meera: Client) -> None:
    campaign = people.campaign(lists=[people.contact_list(25)])
    enrolling.enrol_chunk(campaign.pk, 10)
    page = client_of_meera.get(f"/campaigns/{campaign.pk}/").content.decode()
    assert "so far: enrolling 10 of 25" in page


@pytest.mark.django_db
def test_the_page_says_how_many_do_not_match(client_of_meera: Client) -> None:
    one = people.contact_list(25)
    asked = filters.to_json([filters.read_text("name is one of Person 1, Person 12", [one])])
    campaign = people.campaign(lists=[one], audience=asked)
    enrolling.enrol_chunk(campaign.pk, 10)
    page = client_of_meera.get(f"/campaigns/{campaign.pk}/").content.decode()
    assert "so far: enrolling 1 of 25; 9 do not match" in page
    while enrolling.enrol_chunk(campaign.pk):
        pass
    page = client_of_meera.get(f"/campaigns/{campaign.pk}/").content.decode()
    assert "23 others do not match" in page
    page = client_of_meera.get(f"/campaigns/{campaign.pk}/plan").content.decode()
    assert "name is one of Person 1, Person 12" in page
    assert "23 people do not match" in page
