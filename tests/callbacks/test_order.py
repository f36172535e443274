"""In whatever order the facts of one call arrive, they end in the same place: order is a table question."""

from collections.abc import Callable, Mapping
from decimal import Decimal

import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from campaigns import outcomes, settling, streams, tokens
from campaigns.exotel.answers import Accepted, Unknown
from campaigns.lifecycle import AttemptState
from campaigns.models import CallAttempt, Mode
from campaigns.outcomes import Statement
from campaigns.streams import StreamClosing, StreamRefused, StreamStart
from tests import people
from tests.callbacks import carrier

STEPS = ("ringing", "answered", "terminal", "post", "stream", "hang-up", "details")
CLOSED = StreamClosing(1000, "caller", "stop", 12.0, 600, 600, 192_000, 192_000, 0)
ANSWERED = {
    "attempt": ("ended", "answered", "completed", ""),
    "sid": True,
    "facts": (41, 32, Decimal("0.4"), "", ""),
    "confirmed": (True, None),
    "slot": True,
    "times": (True, True),
    "contact": ("done", "answered", 1, ""),
    "attempts": 1,
}
ASK = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


class Call:
    """One call, told about step by step; what cannot happen yet, or any more, does not happen."""

    def __init__(self, exotel: Client, status: str) -> None:
        campaign = people.campaign(mode=Mode.BOT, bot="echo", max_attempts=3)
        campaign.retry_rules.create(outcome="busy", times=2)
        self.exotel, self.status, self.sid = exotel, status, carrier.new_sid()
        self.attempt = people.attempt(people.contact(campaign), AttemptState.DIALING)
        self.stream_id: int | None = None
        self.steps: Mapping[str, Callable[[], object]] = {
            "ringing": lambda: self._event("ringing", "ringing"),
            "answered": lambda: self._event("in-progress", "answered"),
            "terminal": lambda: self._event(status, "terminal"),
            "post": lambda: settling.settle(self.attempt.pk, Accepted(self.sid, 200, "{}", 0.2)),
            "wrongly": lambda: self._event("completed", "terminal"),
            "unknown": lambda: settling.settle(self.attempt.pk, Unknown("no whole answer within 10 seconds")),
            "stream": self._stream,
            "hang-up": self._hang_up,
            "details": self._details,
        }

    def _event(self, status: str, event: str) -> None:
        fields = carrier.full(self.attempt, self.sid, status, event)
        assert carrier.post(self.exotel, self.attempt.pk, fields).status_code == 200

    def _stream(self) -> None:
        start = StreamStart("st1", self.sid, "simulated", self.attempt.phone, 8000, "base64", {}, "{}")
        try:
            self.stream_id = streams.open_stream(tokens.mint("stream", str(self.attempt.pk))).stream_id
        except StreamRefused:
            return  # the call is over
        streams.start_stream(self.stream_id, start)

    def _hang_up(self) -> None:
        if self.stream_id is not None:
            streams.close_stream(self.stream_id, CLOSED)

    def _details(self) -> None:
        """What the reconciler says of a call that is over."""
        outcome = "answered" if self.status == "completed" else self.status
        said = Statement(
            source="details",
            at=timezone.now(),
            sid=self.sid,
            status=outcome,
            carrier_status=self.status,
            duration=41,
            talk_seconds=32 if self.status == "completed" else 0,
            price=Decimal("0.4"),
            trusted=True,
        )
        with transaction.atomic():
            outcomes.apply(self.attempt.pk, said)

    def end(self) -> dict[str, object]:
        """Where it all ended, without the times at which the parts came."""
        attempt, contact = carrier.fresh(self.attempt), carrier.person(self.attempt)
        return {
            "attempt": (attempt.state, attempt.outcome, attempt.carrier_status, attempt.contradiction),
            "sid": attempt.sid == self.sid,
            "facts": (attempt.duration, attempt.talk_seconds, attempt.price, attempt.reason, attempt.reason_code),
            "confirmed": (attempt.confirmed_at is not None, attempt.check_at),
            "slot": attempt.slot_released_at is not None,
            "times": (attempt.placed_at is not None, attempt.ended_at is not None),
            "contact": (contact.state, contact.last_outcome, contact.tries, contact.reason_code),
            "attempts": CallAttempt.objects.filter(campaign_contact=contact).count(),
        }


def told(exotel: Client, status: str, order: list[str]) -> dict[str, object]:
    call = Call(exotel, status)
    for step in order:
        call.steps[step]()
    return call.end()


@given(order=st.permutations(STEPS))
@example(order=["details", *STEPS[:-1]])
@example(order=["terminal", "details", "hang-up", "stream", "answered", "ringing", "post"])
@ASK
def test_an_answered_call_ends_in_the_same_state_in_any_order(exotel: Client, order: list[str]) -> None:
    assert told(exotel, "completed", order) == ANSWERED


@given(order=st.permutations(["ringing", "terminal", "post", "details"]))
@ASK
def test_a_busy_number_is_put_back_in_line_once_in_any_order(exotel: Client, order: list[str]) -> None:
    ended = told(exotel, "busy", order)
    assert ended["attempt"] == ("ended", "busy", "busy", "")
    assert ended["confirmed"] == (True, None)
    assert ended["contact"] == ("retry", "busy", 1, "retry-rule")


@given(order=st.permutations(["ringing", "wrongly", "post", "details"]), again=st.sampled_from(["wrongly", "details"]))
@settings(ASK, max_examples=12)
def test_a_busy_number_of_which_a_callback_says_completed_is_put_back_in_line_in_any_order(
    exotel: Client, order: list[str], again: str
) -> None:
    ended = told(exotel, "busy", [*order, again])
    assert ended["contact"] == ("retry", "busy", 1, "retry-rule")


@given(order=st.permutations(["answered", "terminal", "unknown", "details"]), twice=st.sampled_from(STEPS[1:3]))
@ASK
def test_evidence_before_or_after_an_unknown_answer_decides(exotel: Client, order: list[str], twice: str) -> None:
    ended = told(exotel, "completed", [*order, twice])
    assert ended["attempt"] == ("ended", "answered", "completed", "")
    assert ended["contact"] == ("done", "answered", 1, "")


@pytest.mark.parametrize("late", ["post", "ringing", "answered", "stream", "hang-up"])
def test_nothing_that_comes_after_the_end_moves_anything(exotel: Client, late: str) -> None:
    call = Call(exotel, "busy")
    for step in ("post", "terminal", "details"):
        call.steps[step]()
    before = call.end()
    call.steps[late]()
    assert call.end() == before


def test_a_terminal_callback_before_the_posts_own_answer_ends_the_call(exotel: Client) -> None:
    call = Call(exotel, "no-answer")
    call.steps["terminal"]()
    assert call.end()["attempt"] == ("ended", "no-answer", "no-answer", "")
    call.steps["post"]()
    ended = carrier.fresh(call.attempt)
    assert (ended.state, ended.http_status, ended.sid) == ("ended", 200, call.sid)
    assert call.attempt.campaign.pace.accepted == 0  # read before; the row itself says:
    call.attempt.campaign.pace.refresh_from_db()
    assert call.attempt.campaign.pace.accepted == 1
