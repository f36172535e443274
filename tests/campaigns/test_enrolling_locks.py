"""Enrolling waits for an import's chunk without holding what a pause needs."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns import enrolling
from tests import people

pytestmark = pytest.mark.django_db


def test_the_list_is_locked_before_the_campaign() -> None:
    campaign = people.campaign(lists=[people.contact_list(2)])
    with CaptureQueriesContext(
        connection,
    ) as asked:
        assert enrolling.enrol_chunk(campaign.pk)
    locks = [query["sql"] for query in asked.captured_queries if " FOR " in query["sql"]]
    assert ["campaigns_contactlist" in sql for sql in locks] == [True, False]
    assert campaign.contacts.count() == 2


def test_a_campaign_without_anybody_left_to_enrol_says_so() -> None:
    campaign = people.campaign(lists=[people.contact_list(2)])
    assert [enrolling.enrol_chunk(campaign.pk, 1) for _ in range(5)] == [True, True, True, False, False]
    campaign.refresh_from_db()
    assert campaign.enrolled_at is not None
