"""Whom a run has lost is seen: nobody rings them, or their retry is never made, and nothing explains it."""

import pytest

from dialer.simulator.ledger import CallRecord
from tests.chaos.crowd import KINDS, Crowd
from tests.chaos.owed import Facts, Key, Known, wrongs

PERSON = "9810000001"
ONCE: Key = ("Plain", PERSON)  # who is proven absent is not dialled again
TWICE: Key = ("Again", PERSON)


def call(status: str) -> CallRecord:
    return CallRecord({"sid": "s", "from": f"0{PERSON}", "received_at": 1.0}, ended={"at": 2.0, "status": status})


def lost(
    key: Key, told: tuple[str, str], calls: tuple[str, ...] = (), *, refused: int | None = None,
    unheard: float | None = None, suppressed: bool = False, struck: float | None = None, proof: bool = True,
) -> list[str]:  # fmt: skip
    crowd = Crowd({kind.name: [PERSON] if kind.name == key[0] else [] for kind in KINDS})
    facts = Facts(
        {key: [call(status) for status in calls]}, {key: [] if refused is None else [refused]}, {key: told},
        {} if unheard is None else {key: [unheard]},
    )  # fmt: skip
    known = Known({PERSON} if suppressed else (), [] if struck is None else [struck])
    return [rule for rule, _ in wrongs(facts, crowd, known, proof=proof)]


@pytest.mark.parametrize(
    "told",
    [("done", ""), ("skipped", "suppressed"), ("skipped", "stopped"), ("pending", ""), ("skipped", "not-placed")],
)
def test_who_was_never_rung_is_lost_whatever_our_tables_say(told: tuple[str, str]) -> None:
    assert lost(ONCE, told) == ["I12"]


def test_who_was_rung_is_not_lost() -> None:
    assert lost(ONCE, ("done", ""), ("no-answer",)) == []


def test_an_entry_of_the_operator_explains_a_suppressed_person_and_no_other() -> None:
    assert lost(ONCE, ("skipped", "suppressed"), suppressed=True) == []
    assert lost(ONCE, ("done", ""), suppressed=True) == ["I12"]


def test_a_refusal_explains_what_it_means() -> None:
    assert lost(ONCE, ("skipped", "ndnc"), refused=403) == []
    assert lost(ONCE, ("done", "invalid-request"), refused=400) == []
    assert lost(ONCE, ("skipped", "ndnc"), refused=400) == ["I12"]


def test_a_request_that_no_call_came_of_needs_a_carrier_or_a_fault_that_spoiled_it() -> None:
    assert lost(ONCE, ("skipped", "not-placed"), refused=503, unheard=50.0) == []
    assert lost(ONCE, ("skipped", "not-placed"), unheard=50.0, struck=52.0) == []
    assert lost(ONCE, ("skipped", "not-placed"), unheard=50.0, struck=500.0) == ["I12"]
    assert lost(TWICE, ("skipped", "not-placed"), unheard=50.0, struck=52.0) == ["I12"]  # policy: dial again


def test_while_no_proof_was_waited_for_somebody_may_be_uncertain() -> None:
    assert lost(TWICE, ("uncertain", "unknown"), unheard=50.0, struck=52.0, proof=False) == []
    assert lost(TWICE, ("uncertain", "unknown"), unheard=50.0, struck=52.0) == ["I12"]


@pytest.mark.parametrize("status", ["busy", "no-answer", "failed"])
def test_who_was_not_reached_is_owed_another_call_while_tries_are_left(status: str) -> None:
    assert lost(TWICE, ("done", ""), (status,)) == ["I12"]
    assert lost(TWICE, ("done", ""), (status, status)) == []
    assert lost(TWICE, ("skipped", "suppressed"), (status,), suppressed=True) == []


def test_who_answered_is_owed_none_and_must_not_get_one() -> None:
    assert lost(TWICE, ("done", ""), ("completed",)) == []
    assert lost(TWICE, ("done", ""), ("completed", "busy")) == ["I14"]
