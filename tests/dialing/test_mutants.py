"""The planted bugs of `make chaos MUTANT=all` still fit the tree: who changes such a line changes its mutant."""

import pytest

from dialer import env
from tests.chaos.mutants import MUTANTS, Mutant


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_what_a_mutant_changes_is_in_the_tree_once(mutant: Mutant) -> None:
    for edit in mutant.edits:
        assert (env.ROOT / edit.path).read_text(encoding="utf-8").count(edit.old) == 1, edit.path
    assert mutant.tests or mutant.plan
