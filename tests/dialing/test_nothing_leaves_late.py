"""A pause and a do-not-call entry, by the carrier's clock: no first byte later than a second after their commit."""

import pytest
from django.test import override_settings

from bench import pauses

ROUNDS = 100
LATEST = 1.0  # seconds


@pytest.mark.django_db(transaction=True)
@override_settings(PUBLIC_URL="http://127.0.0.1:9", PUBLIC_STREAM_URL="")
def test_no_first_byte_comes_later_than_a_second_after_any_of_a_hundred_pauses_and_entries() -> None:
    late = pauses.play(ROUNDS, seed=7)
    assert len(late.pauses) == len(late.suppressions) == ROUNDS
    assert late.dials > ROUNDS / 2  # there was traffic to be stopped
    assert max(late.pauses) <= LATEST
    assert max(late.suppressions) <= LATEST
    print(  # noqa: T201 (shown by -s; `make bench ARGS=pauses` measures it)
        f"99 % of the pauses: {1000 * pauses.percentile(late.pauses, 0.99):.0f} ms, "
        f"of the entries: {1000 * pauses.percentile(late.suppressions, 0.99):.0f} ms"
    )
