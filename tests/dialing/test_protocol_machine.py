"""The attempt protocol as a state machine: Hypothesis plays the carrier, the operators, the clock and dying processes.

Answers come late, twice and in any order, callbacks before and after them or never; loops die with requests out. After
each step the carrier's own ledger and our tables must agree on what is safe; at the end of each game everything that
can be known must be known.
"""

import os
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
import time_machine
from django.db import transaction
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from campaigns import control, events, intents, pacing, reconciling, settling, suppressing, sweeping
from campaigns.audit import COMMAND_LINE
from campaigns.events import Arrival
from campaigns.exotel.answers import Accepted, ConnectAnswer, NotSent, RefusalKind, Refused, Unknown
from campaigns.exotel.client import ExotelClient
from campaigns.exotel.statuses import CallStatus
from campaigns.intents import Intent
from campaigns.lifecycle import OPEN_ATTEMPTS
from campaigns.models import CallAttempt, Campaign, CampaignContact, EventSource, RetryRule
from campaigns.owners import Owner
from campaigns.turns import Slots
from tests import people
from tests.dialing.driving import until
from tests.dialing.far_side import Call, Carrier

pytestmark = pytest.mark.django_db

SLOTS = 3
RING, TALK, LAG = 45, 60, 30
NUMBERS = tuple(f"+9190000010{place:02d}" for place in range(6))
ENDS = (CallStatus.ANSWERED, CallStatus.BUSY, CallStatus.NO_ANSWER, CallStatus.FAILED)
FATES = ("placed", "placed", "lost", "lost", "never", "not-sent", "slow", "bad-number", "ndnc", "no-room")
LATER_ON = "later"
START = datetime(2026, 1, 14, 6, 0, tzinfo=UTC)
TURN = timedelta(milliseconds=5)  # more than both paces ask for
SHIFTS = (1, 8, 60, 120, 400)
LATER = timedelta(hours=2)

anywhere = st.integers(min_value=0, max_value=1_000)


def refused(status: int, kind: RefusalKind) -> Refused:
    return Refused(status, "no", "", 1.0 if status == 429 else None, kind)


class Protocol(RuleBasedStateMachine):
    """One account with two campaigns that share two people; one dial loop at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.world = transaction.atomic()
        self.world.__enter__()
        self.carrier = Carrier()
        self.now = START
        self.python_clock = time_machine.travel(START, tick=False)
        self.python_time = self.python_clock.start()
        self.pass_time(timedelta())
        self.owner, self.slots = Owner(), Slots()
        self.account = people.account(max_concurrent=SLOTS, calls_per_minute=60_000, reporting_lag=LAG)
        self.again = self.campaign(NUMBERS[:4], max_attempts=2, unknown_policy="redial")
        self.once = self.campaign(NUMBERS[2:], unknown_policy="ask")
        RetryRule.objects.create(campaign=self.again, outcome="busy", times=1, delay_minutes="0.1")
        people.proven(self.again, self.once)
        self.one_call_that_is_known()
        self.sent: set[int] = set()  # attempts whose one POST has left, or never will
        self.out: list[Intent] = []  # granted, not sent yet
        self.answers: list[tuple[int, ConnectAnswer]] = []  # on their way back
        self.suppressed: set[str] = set()
        self.broken = False

    def campaign(self, numbers: tuple[str, ...], **fields: Any) -> Campaign:
        made = people.campaign(self.account, ring_timeout=RING, time_limit=TALK, max_concurrent=SLOTS, **fields)
        people.contacts(made, numbers)
        return made

    def one_call_that_is_known(self) -> None:
        """Without one that the carrier surely took, nothing that it does not list counts as never dialled."""
        now = pacing.db_now()
        [person] = people.contacts(self.once, ["+919000001099"], state="done", last_outcome="answered")
        known = {"sid": "sid-known", "placed_at": now, "ended_at": now, "slot_released_at": now, "confirmed_at": now}
        attempt = people.attempt(person, "ended", outcome="answered", intent_at=now, **known)
        call = Call("sid-known", attempt.pk, self.once.pk, person.phone, attempt.caller_id, now, CallStatus.ANSWERED)
        self.carrier.calls_made.append(call)

    def teardown(self) -> None:
        try:
            if not self.broken:
                self.reckon()
        finally:
            self.owner.close()
            transaction.set_rollback(True)
            self.world.__exit__(None, None, None)
            pacing.CLOCK = REAL_CLOCK
            self.python_clock.stop()

    def must(self, true: object, what: str) -> None:
        if not true:
            self.broken = True
            raise AssertionError(what)

    # ------------------------------------------------------------------------------------------------- the dial loop
    @rule(fates=st.lists(st.sampled_from((*FATES, LATER_ON, LATER_ON)), min_size=1, max_size=4))
    def dial(self, fates: list[str]) -> None:
        """Take what is granted; each request leaves at once, or later."""
        for fate in fates:
            self.pass_time(TURN)
            step = intents.next_intent(self.account.pk, self.owner.number, self.slots)
            if not isinstance(step, Intent):
                return
            number = step.request.number
            running = Campaign.objects.get(pk=step.campaign_id).status == "running"
            self.must(running, "an intent of a campaign that does not run")
            self.must(number not in self.suppressed, "an intent for somebody on the do-not-call list")
            self.must(step.attempt_id not in self.sent, "a second intent for one attempt")
            if fate == LATER_ON:
                self.out.append(step)
            else:
                self.send(step, fate)

    @precondition(lambda self: self.out)
    @rule(which=anywhere, fate=st.sampled_from(FATES))
    def post(self, which: int, fate: str) -> None:
        """The one POST of an attempt, and what comes back."""
        self.send(self.out.pop(which % len(self.out)), fate)

    def send(self, intent: Intent, fate: str) -> None:
        self.sent.add(intent.attempt_id)
        answer: ConnectAnswer
        if fate in ("placed", "lost"):
            call = self.carrier.accept(intent, pacing.db_now())
            answer = Accepted(call.sid, 200, "", 0.1) if fate == "placed" else Unknown("the connection broke")
        else:
            answer = ANSWERS[fate]
        self.answers.append((intent.attempt_id, answer))

    @precondition(lambda self: self.answers)
    @rule(which=anywhere, twice=st.sampled_from([False, False, False, True]))
    def settle(self, which: int, twice: bool) -> None:
        place = which % len(self.answers)
        attempt_id, answer = self.answers[place]
        if not twice:
            self.answers.pop(place)
        settling.settle_all(self.account.pk, [(attempt_id, answer)])

    @precondition(lambda self: len(self.answers) > 1)
    @rule()
    def settle_together(self) -> None:
        answers, self.answers = self.answers, []
        settling.settle_all(self.account.pk, answers)

    @rule(fate=st.sampled_from(["lost", "never", "unsent"]))
    def die(self, fate: str) -> None:
        """kill -9 of the loop: its lock is free, its answers are never heard, its last POSTs may have left or not."""
        if fate != "unsent":
            for intent in self.out:
                self.send(intent, fate)
        self.out, self.answers = [], []
        self.owner.close()
        dead, self.owner, self.slots = self.owner.number, Owner(), Slots()
        until(lambda: not pacing.owner_alive(dead))

    # ------------------------------------------------------------------------------------------------- the carrier
    @precondition(lambda self: self.carrier.open)
    @rule(which=anywhere, status=st.sampled_from(ENDS), tells=st.booleans())
    def end(self, which: int, status: CallStatus, tells: bool) -> None:
        call = self.carrier.open[which % len(self.carrier.open)]
        call.end(status)
        if tells:
            self.tell(call, call.status.value)

    @precondition(lambda self: self.carrier.calls_made)
    @rule(which=anywhere, what=st.sampled_from(["answered", "as it stands", "as it stands", "another's"]))
    def call_back(self, which: int, what: str) -> None:
        """A callback, doubled, late or about another call."""
        call = self.carrier.calls_made[-1 - which % len(self.carrier.calls_made)]
        if what == "another's":
            self.tell(call, "answered", sid="sid-of-nobody", number="+919999999999")
        elif what == "answered":
            call.answered = call.answered or call.open
            if call.answered:
                self.tell(call, "", answered=True)
        else:
            self.tell(call, call.status.value if not call.open else "in-progress")

    def tell(self, call: Call, status: str, *, answered: bool = False, sid: str = "", number: str = "") -> None:
        said = {"status": status, "answered": answered, "numbers": [number or call.number]}
        fields = {"CallSid": sid or call.sid, **said}
        digest = events.digest_of(fields)
        arrival = Arrival(EventSource.CALLBACK, digest, call.attempt_id, call_sid=sid or call.sid, said=said)
        events.say(arrival)

    # ------------------------------------------------------------------------------------------------- operators, time
    @rule(which=st.booleans())
    def pause_or_resume(self, which: bool) -> None:
        campaign = Campaign.objects.get(pk=(self.again if which else self.once).pk)
        if campaign.status == "running":
            control.pause(campaign.pk, by=COMMAND_LINE)
        elif campaign.status == "paused":
            control.resume(campaign.pk, by=COMMAND_LINE)

    @rule(number=st.sampled_from(NUMBERS))
    def suppress(self, number: str) -> None:
        if len(self.suppressed) < 2:
            suppressing.suppress([number], reason="asked", by=COMMAND_LINE)
            self.suppressed.add(number)

    @rule(seconds=st.sampled_from(SHIFTS))
    def time_passes(self, seconds: int) -> None:
        if not self.out:  # what waits longer than half a second to be sent is never sent
            self.pass_time(timedelta(seconds=seconds))

    def pass_time(self, time: timedelta) -> None:
        """The only clock of a game, the database's and Python's: nothing may depend on how fast this machine is.

        Callbacks carry the time at which they came by Python's clock, and retries are planned from it.
        """
        self.now += time
        self.python_time.move_to(self.now)
        pacing.CLOCK = f"'{self.now.isoformat()}'::timestamptz"
        self.carrier.time_passes(self.now)

    @rule()
    def keep_house(self) -> None:
        sweeping.sweep_orphans()
        sweeping.expire_slots()
        sweeping.ask_about_silent_calls()
        events.apply_leftovers()
        control.finish_all()

    @rule(waits=st.booleans())
    def ask(self, waits: bool = False) -> None:
        """A question of the reconciler, also as soon as one is due; and its second part at once, if it has one."""
        planned = CallAttempt.objects.filter(account=self.account, check_at__isnull=False).order_by("check_at")
        first = planned.first()
        if waits and first and first.check_at and not self.out:
            self.pass_time(max(first.check_at - pacing.db_now(), timedelta()) + timedelta(milliseconds=1))
        due = list(planned.filter(check_at__lte=pacing.db_now())[:20])
        while due:
            reconciling._ask(cast("ExotelClient", self.carrier), due)
            due = list(planned.filter(pk=due[0].pk, check_at=pacing.db_now()))

    @rule()
    def lift(self) -> None:
        control.lift_hold(self.account.pk, by=COMMAND_LINE)

    # ------------------------------------------------------------------------------------------------- what must hold
    @invariant()
    def nobody_is_rung_twice(self) -> None:
        self.must(not self.carrier.doubles, f"{self.carrier.doubles}")

    @invariant()
    def open_calls_stay_within_the_slots(self) -> None:
        self.must(len(self.carrier.open) <= SLOTS, f"{len(self.carrier.open)} calls are open")

    @invariant()
    def what_is_refused_was_never_a_call(self) -> None:
        refused = CallAttempt.objects.filter(state="refused").values_list("pk", flat=True)
        wrong = [pk for pk in refused if self.carrier.of(pk)]
        self.must(not wrong, f"refused, and yet calls: {wrong}")

    @invariant()
    def what_has_ended_has_ended_as_the_carrier_says(self) -> None:
        for pk, outcome in CallAttempt.objects.filter(state="ended").values_list("pk", "outcome"):
            call = self.carrier.of(pk)
            self.must(call and call.status.value == outcome, f"attempt {pk} ended as {outcome}, the carrier has {call}")

    @invariant()
    def a_person_is_in_call_exactly_while_a_call_is_open(self) -> None:
        attempts = CallAttempt.objects.filter(state__in=OPEN_ATTEMPTS).values_list("campaign_contact_id", "state")
        states = dict(attempts)
        for contact in CampaignContact.objects.all():
            expected = {"unknown": "uncertain", None: None}.get(states.get(contact.pk), "in-call")
            told = contact.state if contact.state in ("in-call", "uncertain") else None
            proven = contact.state == "uncertain" and contact.reason_code == "not-placed" and expected is None
            self.must(told == expected or proven, f"{contact.phone} is {contact.state}, a call is {expected}")

    @invariant()
    def tries_are_the_attempts_that_may_have_rung(self) -> None:
        rung = Counter(CallAttempt.objects.exclude(state="refused").values_list("campaign_contact_id", flat=True))
        for pk, tries in CampaignContact.objects.values_list("pk", "tries"):
            self.must(tries == rung[pk], f"contact {pk}: {tries} tries, {rung[pk]} attempts")
            self.must(tries <= 2, f"contact {pk} was tried {tries} times")

    @invariant()
    def a_slot_is_held_as_long_as_the_call_may_last(self) -> None:
        now = pacing.db_now()
        held = CallAttempt.objects.filter(slot_released_at=None).values_list("pk", flat=True)
        for call in self.carrier.open:
            young = now - call.at < timedelta(seconds=RING + TALK)
            self.must(call.attempt_id in held or not young, f"{call} is open and holds no slot")

    # ------------------------------------------------------------------------------------------------- the end
    def reckon(self) -> None:
        """Nobody dials any more, what was on its way is lost, hours pass: everything must become known all the same."""
        self.die("lost")
        for call in self.carrier.open:
            call.end(CallStatus.ANSWERED)
        for _ in range(12):
            self.pass_time(LATER / 6)
            self.keep_house()
            for _ in range(8):
                self.ask()
        self.must(not CallAttempt.objects.filter(state__in=OPEN_ATTEMPTS).exists(), "an attempt is open for ever")
        self.must(not CallAttempt.objects.filter(slot_released_at=None).exists(), "a slot is held for ever")
        self.what_has_ended_has_ended_as_the_carrier_says()
        self.what_is_refused_was_never_a_call()
        ended = set(CallAttempt.objects.filter(state="ended").values_list("pk", flat=True))
        made = {call.attempt_id for call in self.carrier.calls_made}
        self.must(ended == made, f"ended {ended}, the carrier made {made}")
        self.a_person_is_in_call_exactly_while_a_call_is_open()
        last = {
            one.campaign_contact_id: one.outcome for one in CallAttempt.objects.filter(state="ended").order_by("pk")
        }
        for contact in CampaignContact.objects.filter(state="done", pk__in=last):
            self.must(contact.last_outcome == last[contact.pk], f"{contact.phone} shows {contact.last_outcome}")


ANSWERS: dict[str, ConnectAnswer] = {
    "never": Unknown("503"),
    "not-sent": NotSent("nothing was sent"),
    "slow": refused(429, RefusalKind.RATE_LIMITED),
    "bad-number": refused(400, RefusalKind.INVALID_REQUEST),
    "no-room": refused(400, RefusalKind.NO_ROOM),
    "ndnc": refused(403, RefusalKind.NDNC),
}
REAL_CLOCK = pacing.CLOCK
# GAMES=1000 plays more. A failing game is told as it was played, at once; SHRINK=1 looks for the shortest, for minutes.
QUICK = (Phase.generate,)
SHRUNK = (Phase.generate, Phase.shrink)


def test_no_order_of_events_rings_anybody_twice_or_leaves_anything_open() -> None:
    run_state_machine_as_test(
        Protocol,
        settings=settings(
            max_examples=int(os.environ.get("GAMES", "20")),
            stateful_step_count=40,
            deadline=None,
            database=None,
            phases=SHRUNK if os.environ.get("SHRINK") else QUICK,
            suppress_health_check=list(HealthCheck),
        ),
    )
