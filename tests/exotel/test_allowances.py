"""What the rate headers of an answer say; whatever stands in them, reading them never fails."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.exotel.allowances import LONGEST_RESET, MOST, rate_allowance

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headers", "per_minute", "remaining", "seconds"),
    [
        ({"x-ratelimit-limit": "200", "x-ratelimit-remaining": "0", "x-ratelimit-reset": "17"}, 200, 0, 17),
        ({"x-rate-limit-limit": "60", "x-rate-limit-remaining": "3"}, 60, 3, None),
        ({"ratelimit-limit": "10, 10;w=1", "ratelimit-remaining": "9", "ratelimit-reset": "1"}, 600, 9, 1),
        ({"ratelimit-limit": "300;w=300"}, 60, None, None),
        ({"ratelimit": "limit=100, remaining=50, reset=5"}, 100, 50, 5),
        ({"ratelimit": '"default";r=50;t=30', "ratelimit-policy": '"default";q=100;w=60'}, 100, 50, 30),
        ({"x-ratelimit-reset": str(int(NOW.timestamp()) + 20)}, None, None, 20),
        ({"x-ratelimit-reset": str((int(NOW.timestamp()) + 20) * 1000)}, None, None, 20),
        ({"x-ratelimit-reset": "2026-11-20T12:00:09Z"}, None, None, 9),
        ({"x-ratelimit-reset": "Fri, 20 Nov 2026 12:00:08 GMT"}, None, None, 8),
    ],
)
def test_each_spelling_is_read(
    headers: dict[str, str], per_minute: int | None, remaining: int | None, seconds: float | None
) -> None:
    found = rate_allowance(headers)
    assert found is not None
    assert (found.per_minute, found.remaining, found.seconds(NOW)) == (per_minute, remaining, seconds)


@pytest.mark.parametrize("limit", ["0", "-5", "many", "1e3", "9" * 30, "", "200;w=0"])
def test_a_limit_that_says_nothing_bounds_nothing(limit: str) -> None:
    found = rate_allowance({"x-ratelimit-limit": limit, "x-ratelimit-reset": "1"})
    assert found is not None
    assert found.per_minute in (None, 200)


@pytest.mark.parametrize("reset", ["99999999", "4102444800", "Fri, 20 Nov 2099 12:00:00 GMT"])
def test_a_reset_far_away_is_a_minute(reset: str) -> None:
    found = rate_allowance({"x-ratelimit-reset": reset})
    assert found is not None
    assert found.seconds(NOW) in (0.0, LONGEST_RESET)


NAMES = [f"{prefix}-{name}" for prefix in ("x-ratelimit", "ratelimit") for name in ("limit", "remaining", "reset")]


@given(st.dictionaries(st.sampled_from([*NAMES, "ratelimit", "ratelimit-policy"]), st.text(max_size=80)))
def test_no_header_is_too_odd(headers: dict[str, str]) -> None:
    found = rate_allowance(headers)
    if found is not None:
        assert found.per_minute is None or 1 <= found.per_minute <= MOST
        wait = found.seconds(NOW)
        assert wait is None or 0 <= wait <= LONGEST_RESET
        assert timedelta(seconds=wait or 0) <= timedelta(minutes=1)
