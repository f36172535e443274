"""Lists of calls: filters in Indian time, order and pages."""

from collections.abc import Callable
from urllib.parse import parse_qsl, urlsplit

import pytest

from dialer.simulator.identity import stamp
from dialer.simulator.orders import Invalid
from dialer.simulator.records import page_of
from tests.simulator.clock import START, Clock

PATH = "/v1/Accounts/simulated/Calls.json"


@pytest.fixture(scope="module")
def clock() -> Clock:
    """Five calls, ten seconds apart; the third is busy."""
    made = Clock()
    for code in ("00", "01", "10", "02", "09"):
        made.connect(f"+9190000{code}001", TimeLimit="5")
        made.run(10)
    made.run(60)
    return made


@pytest.fixture
def found(clock: Clock) -> Callable[..., list[str]]:
    def ask(**query: str) -> list[str]:
        page, _ = page_of(list(clock.exchange.calls.values()), query, PATH)
        return [call.order.customer[6:8] for call in page]

    return ask


def test_the_newest_call_comes_first_unless_asked(found: Callable[..., list[str]]) -> None:
    assert found() == ["09", "02", "10", "01", "00"]
    assert found(SortBy="DateCreated:asc") == ["00", "01", "10", "02", "09"]


def test_calls_are_found_by_number_in_any_spelling(found: Callable[..., list[str]]) -> None:
    assert found(From="+919000001001,09000010001") == ["10", "01"]
    assert found(From=" 919000001001") == ["01"]
    assert found(PhoneNumber="08047491900") == []


def test_calls_are_found_by_status_and_direction(found: Callable[..., list[str]]) -> None:
    assert found(Status="busy") == ["10"]
    assert found(Status="busy,completed", Direction="incoming") == []


def test_calls_are_found_by_time(found: Callable[..., list[str]]) -> None:
    window = f"gte:{stamp(START + 10)};lte:{stamp(START + 30)}"
    assert found(DateCreated=window) == ["02", "10", "01"]


@pytest.mark.parametrize(
    "query",
    [
        {"DateCreated": "gte:2026-01-01T10:00:00"},
        {"DateCreated": "about:2026-01-01 10:00:00"},
        {"PageSize": "101"},
        {"SortBy": "Price"},
        {"After": "x"},
        {"From": "1,2,3,4,5,6"},
    ],
)
def test_a_bad_question_is_refused(found: Callable[..., list[str]], query: dict[str, str]) -> None:
    with pytest.raises(Invalid):
        found(**query)


def test_pages_lead_through_all_calls_and_back(clock: Clock) -> None:
    calls = list(clock.exchange.calls.values())
    seen, query = [], {"PageSize": "2"}
    while True:
        page, metadata = page_of(calls, query, PATH)
        assert metadata["Total"] == 5
        seen += page
        if metadata["NextPageUri"] is None:
            break
        query = dict(parse_qsl(urlsplit(metadata["NextPageUri"]).query))
    assert seen == calls[::-1]
    back, _ = page_of(calls, dict(parse_qsl(urlsplit(metadata["PrevPageUri"]).query)), PATH)
    assert back == seen[2:4]
