"""Every page costs the same number of queries for two hundred people and for twelve hundred."""

import pytest
from django.core.management import call_command

from bench import crowd, pages


@pytest.mark.django_db(transaction=True)
def test_no_page_asks_more_of_the_database_when_there_are_more_people(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crowd, "SMALL_CAMPAIGNS", 8)
    few = _queries(200, monkeypatch)
    call_command("flush", interactive=False, verbosity=0)
    many = _queries(1200, monkeypatch)
    assert many == few


def _queries(people: int, monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    monkeypatch.setattr(pages, "PEOPLE", people)
    visits = pages.visit_all(crowd.make(people), repeats=1)
    assert {visit.name: visit.status for visit in visits if visit.status >= 400} == {}
    return {visit.name: visit.queries for visit in visits}
