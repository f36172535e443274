"""A campaign over a long list runs at once, and says how far the list has come in."""

import pytest
from django.test import Client

from campaigns import enrolling
from tests import people


@pytest.mark.django_db
def test_the_page_says_how_many_of_how_many_are_in_line(client_of_meera: Client) -> None:
    campaign = people.campaign(lists=[people.contact_list(25)])
    enrolling.enrol_chunk(campaign.pk, 10)
    page = client_of_meera.get(f"/campaigns/{campaign.pk}/").content.decode()
    assert "so far: enrolling 10 of 25" in page
