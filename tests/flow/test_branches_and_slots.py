"""What the campaign chooses: which branch a Passthru takes, and whether it is the call's end."""

import pytest
from django.conf import settings
from django.test import Client

from campaigns import outcomes
from campaigns.lifecycle import AttemptState
from campaigns.models import CallAttempt
from tests.callbacks import carrier
from tests.flow import flow


def achieved(attempt: CallAttempt, kind: str, label: str = "Will pay", key: str = "1") -> None:
    outcomes.record_disposition(attempt.pk, key=key, label=label, kind=kind, details={})


@pytest.mark.parametrize("kind", ["goal", "progress", "objection", "stop"])
def test_a_result_of_the_chosen_kind_takes_branch_b_and_others_do_not(exotel: Client, kind: str) -> None:
    chosen, other = (flow.call(passthru_branch=kind) for _ in range(2))
    achieved(chosen, kind)
    achieved(other, "none")
    assert flow.told(exotel, chosen).status_code == 302
    assert flow.told(exotel, other).status_code == 200


@pytest.mark.parametrize("named", ["will PAY ", "1"])
def test_a_named_result_takes_branch_b_by_its_words_or_its_key(exotel: Client, named: str) -> None:
    attempt, other = (flow.call(passthru_branch="result", passthru_result=named) for _ in range(2))
    achieved(attempt, "goal")
    achieved(other, "goal", "Paid already", "2")
    assert flow.told(exotel, attempt).status_code == 302
    assert flow.told(exotel, other).status_code == 200


def test_no_result_at_all_may_take_branch_b(exotel: Client) -> None:
    silent, spoken = (flow.call(passthru_branch="nothing") for _ in range(2))
    achieved(spoken, "goal")
    assert flow.told(exotel, silent).status_code == 302
    assert flow.told(exotel, spoken).status_code == 200


def test_without_a_condition_it_is_always_branch_a(exotel: Client) -> None:
    attempt = flow.call()
    achieved(attempt, "goal")
    assert flow.told(exotel, attempt).status_code == 200


def test_branch_b_points_to_a_harmless_address_of_ours(exotel: Client) -> None:
    attempt = flow.call(passthru_branch="nothing")
    response = flow.told(exotel, attempt)
    assert response["Location"] == f"{settings.PUBLIC_URL}/x/branch-b"
    followed = exotel.get("/x/branch-b")
    assert (followed.status_code, followed.content) == (200, b"B\n")


def test_the_asynchronous_address_is_never_answered_302(exotel: Client) -> None:
    attempt = flow.call(passthru_branch="nothing")
    where = f"{flow.path(attempt.account_id)}/async"
    assert flow.get(exotel, where, flow.captured(attempt)).status_code == 200
    assert carrier.events(attempt)


def test_a_double_takes_the_same_branch(exotel: Client) -> None:
    attempt = flow.call(passthru_branch="goal")
    achieved(attempt, "goal")
    assert [flow.told(exotel, attempt).status_code for _ in range(2)] == [302, 302]


# -------------------------------------------------------------------------------------------------------------- slots
def test_the_slot_is_kept_until_the_call_ends(exotel: Client) -> None:
    attempt = flow.call()
    flow.told(exotel, attempt, flow.bracketed(flow.STREAM))
    assert carrier.fresh(attempt).slot_released_at is None
    carrier.post(exotel, attempt.pk, carrier.minimal(str(attempt.sid)))
    now = carrier.fresh(attempt)
    assert (now.slot_evidence, now.state) == ("callback", AttemptState.ENDED)


def test_the_last_word_of_the_flow_gives_the_slot_back_and_has_exotel_asked(exotel: Client) -> None:
    attempt = flow.call(passthru_ends_call=True)
    flow.told(exotel, attempt, flow.bracketed(flow.STREAM))
    now = carrier.fresh(attempt)
    assert now.slot_evidence == "passthru"
    assert now.state == AttemptState.ANSWERED
    assert now.check_at is not None
    assert now.check_at < now.slot_expires_at


@pytest.mark.parametrize(
    "more",
    [{}, {"EventType": "stream-start"}, flow.bracketed(flow.STREAM | {"Status": "in-progress"})],
    ids=["nothing of a stream", "before it", "while it goes on"],
)
def test_before_the_stream_has_ended_nothing_is_the_last_word(exotel: Client, more: dict[str, str]) -> None:
    attempt = flow.call(passthru_ends_call=True)
    flow.told(exotel, attempt, more)
    assert carrier.fresh(attempt).slot_released_at is None


def test_a_flow_without_a_bot_ends_with_any_passthru_if_the_campaign_says_so(exotel: Client) -> None:
    attempt = flow.call(bot="", passthru_ends_call=True)
    flow.told(exotel, attempt)
    assert carrier.fresh(attempt).slot_evidence == "passthru"


def test_a_crossed_passthru_gives_no_slot_back(exotel: Client) -> None:
    attempt, other = (flow.call(passthru_ends_call=True) for _ in range(2))
    flow.get(exotel, flow.path(other.account_id), flow.captured(attempt) | flow.bracketed(flow.STREAM))
    assert carrier.fresh(attempt).slot_released_at is None
    assert carrier.fresh(other).slot_released_at is None
