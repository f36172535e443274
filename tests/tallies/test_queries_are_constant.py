"""Every page costs the same number of queries for two hundred people and for twelve hundred."""

import pytest
from django.core.management import call_command
from django.db import transaction

from bench import crowd, pages
from campaigns import pacing
from campaigns.models import Pacer


@pytest.mark.django_db(transaction=True)
def test_no_page_asks_more_of_the_database_when_there_are_more_people(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crowd, "SMALL_CAMPAIGNS", 8)
    few = _queries(200, monkeypatch)
    call_command("flush", interactive=False, verbosity=0)
    many = _queries(1200, monkeypatch)
    assert many == few


def _queries(people: int, monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    monkeypatch.setattr(pages, "PEOPLE", people)
    made = crowd.make(people)
    with transaction.atomic():
        pacing.lock(Pacer.objects.values_list("pk", flat=True)[0])  # its statement is prepared once a connection
    visits = pages.visit_all(made, repeats=1)
    assert {visit.name: visit.status for visit in visits if visit.status >= 400} == {}
    return {visit.name: visit.queries for visit in visits}
