"""The short run of the chaos harness (tests/chaos): everything dies in the middle of a campaign, at seeded moments.

CHAOS_SEED=… repeats a run; the seed is in the test's name. `make chaos CALLS=…` runs longer ones.
"""

import logging
import os
import secrets
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from campaigns import failpoints
from tests.chaos import faults
from tests.chaos.run import Plan, Run

pytestmark = pytest.mark.processes
log = logging.getLogger(__name__)

# The same in all workers of a run, whose tests must have the same names.
RUN = os.environ.get("PYTEST_XDIST_TESTRUNUID") or secrets.token_hex(4)
SEED = int(os.environ.get("CHAOS_SEED") or int(RUN[:8], 16))
CALLS = 150


@pytest.mark.timeout(480)
@pytest.mark.parametrize("seed", [SEED])
def test_nobody_is_lost_or_called_twice_whatever_dies(
    tmp_path: Path, seed: int, record_property: Callable[[str, object], None], capfd: pytest.CaptureFixture[str]
) -> None:
    struck = faults.one_of_each(seed)
    plan = Plan(
        calls=CALLS, seed=seed, rate=12.0, proof=False, chosen=tuple(struck), patience=420.0, quiet=1.5, starved=0.25
    )
    report = Run(plan, tmp_path, say=log.info).go()
    record_property("seconds", report.seconds)
    with capfd.disabled():
        sys.stderr.write(f"\nchaos: {report.accepted} calls, {report.seconds:g} s\n")
    assert report.violations == []
    assert report.not_struck == 0
    assert report.done["kill -9"] >= len(faults.KILLS)
    assert report.accepted > CALLS * 0.8


def test_every_point_that_exists_is_armed() -> None:
    assert set(faults.KILLED_AT) == set(failpoints.POINTS)
