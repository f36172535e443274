"""Each planted bug names the invariant that it breaks, and docs/reliability.md has the same table."""

import re

import pytest

from dialer import env
from tests.chaos.mutants import HELD_SOON, MUTANTS
from tests.chaos.planting import Mutant

ROW = re.compile(r"^\| (?P<name>[a-z0-9-]+) \| (?P<bug>[^|]+) \| (?P<breaks>[^|]+) \| (?P<by>[^|]+) \|$", re.MULTILINE)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_names_the_invariants_that_it_breaks(mutant: Mutant) -> None:
    assert mutant.breaks
    assert all(re.fullmatch(r"I([1-9]|1[0-9]|2[0-5])", name) or name == HELD_SOON for name in mutant.breaks)


def test_the_table_in_the_docs_is_the_list_of_mutants() -> None:
    text = (env.ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
    _, _, *rows = ROW.findall(text[text.index("| mutant |") :])  # but for the head and the line below it
    told = {(name, bug, breaks) for name, bug, breaks, _ in rows}
    assert told == {(mutant.name, mutant.bug, ", ".join(mutant.breaks)) for mutant in MUTANTS}
    by_the_harness = {mutant.name: mutant.breaks for mutant in MUTANTS if mutant.plan}
    for name, _, _, by in rows:
        if name in by_the_harness:
            caught = by.removeprefix("chaos: ").split(", ")
            assert set(by_the_harness[name]) <= set(caught), name
