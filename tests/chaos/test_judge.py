"""The judge of the chaos harness can say no: what it excuses, and what it does not."""

from typing import Any

from tests.chaos.crowd import KINDS
from tests.chaos.judge import Judge, Limits, Rules

BOT = next(kind for kind in KINDS if kind.talks)
AGAIN = next(kind for kind in KINDS if kind.gap)
IDS = {"1": BOT.name, "2": AGAIN.name}


def judge(*, slots: int = 100, lags: list[tuple[float, float]] | None = None) -> Judge:
    people = {f"98{place:08d}": [BOT] for place in range(100)} | {f"97{place:08d}": [AGAIN] for place in range(100)}
    limits = Limits(10.0, 600.0, 60.0, slots, {BOT.name: slots, AGAIN.name: slots})
    return Judge(Rules(limits, people, lags=lags or [], talks=frozenset({BOT.name}), campaigns=IDS))


def accepted(place: int, at: float, *, series: int = 98, attempt: int | None = None) -> dict[str, Any]:
    number, campaign = f"{series}{place:08d}", {98: "1", 97: "2"}[series]
    own = place if attempt is None else attempt
    return {
        "event": "accepted", "at": at, "received_at": at, "from": f"0{number}", "sid": f"{series}-{own}",
        "custom_field": f"k.{campaign}-{series}{own}.s", "status_callback": f"cb/{series}/{own}",
    }  # fmt: skip


def ended(place: int, at: float, *, series: int = 98) -> dict[str, Any]:
    return {"event": "ended", "at": at, "sid": f"{series}-{place}"}


def rules_broken(judge: Judge, *entries: dict[str, Any]) -> list[str]:
    for entry in entries:
        judge.hear(entry)
    judge.finish()
    return [violation.rule for violation in judge.violations]


def test_the_pace_and_one_in_a_second_is_within_the_pace_and_two_are_not() -> None:
    calls = [accepted(place, 100 + place * 0.09) for place in range(12)]
    assert rules_broken(judge(), *calls[:11]) == []
    assert rules_broken(judge(), *calls) == ["I6"]


def test_a_simulator_that_was_late_excuses_what_waited_for_it_and_no_more() -> None:
    late = judge(lags=[(99.5, 0.6)])
    assert rules_broken(late, *(accepted(place, 100 + place * 0.05) for place in range(17))) == []
    assert len(late.seconds_above) == 6
    assert rules_broken(judge(lags=[(99.5, 0.6)]), *(accepted(place, 100 + place * 0.01) for place in range(18))) == [
        "I6"
    ]


def test_a_stall_that_the_simulator_tells_excuses_what_came_in_meanwhile_and_no_more() -> None:
    stalled = {"event": "stalled", "at": 100.0, "seconds": 0.3}
    together = [accepted(place, 100.01 + place * 0.001) for place in range(13)]
    assert rules_broken(judge(), *together[:11], stalled, *together[11:]) == []
    assert rules_broken(judge(), stalled, *(accepted(place, 100.01 + place * 0.001) for place in range(15))) == ["I6"]


def test_a_lateness_long_before_excuses_nothing() -> None:
    assert rules_broken(judge(lags=[(90.0, 5.0)]), *(accepted(place, 100 + place * 0.05) for place in range(12))) == [
        "I6"
    ]


def test_a_talk_that_ends_a_moment_later_had_given_its_slot_back_and_one_that_goes_on_had_not() -> None:
    three = [accepted(place, 100 + place * 0.1) for place in range(3)]
    assert rules_broken(judge(slots=2), *three, ended(0, 100.3)) == []
    assert rules_broken(judge(slots=2), *three, ended(0, 101.3)) == ["I8", "I8"]


def test_a_call_of_a_flow_holds_its_slot_to_its_end() -> None:
    three = [accepted(place, 100 + place * 0.1, series=97) for place in range(3)]
    assert rules_broken(judge(slots=2), *three, ended(0, 100.3, series=97)) == ["I8", "I8"]


def test_nobody_is_rung_again_before_the_campaigns_delay_is_over() -> None:
    first = [accepted(1, 100.0, series=97), ended(1, 101.0, series=97)]
    assert rules_broken(judge(), *first, accepted(1, 106.9, series=97, attempt=50)) == ["I15"]
    assert rules_broken(judge(), *first, accepted(1, 107.0, series=97, attempt=50)) == []


def test_every_request_counts_against_the_accounts_minute_but_recordings() -> None:
    asked = [
        {"event": "request", "at": 100.0 + place * 0.9, "path": "/v1/Accounts/a/Calls.json"} for place in range(62)
    ]
    fetched = [entry | {"path": "/recordings/a/1.wav"} for entry in asked]
    assert rules_broken(judge(), *asked[:61], *fetched) == []
    assert rules_broken(judge(), *asked) == ["I7"]
    assert rules_broken(judge(lags=[(120.0, 1.5)]), *asked) == []


def test_a_call_of_no_campaign_is_a_violation() -> None:
    assert rules_broken(judge(), accepted(200, 100.0))
