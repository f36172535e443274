"""A carrier in memory for the protocol's state machine: what it accepted, what it tells, and a ledger of its own.

It shares nothing with our tables. Numbers ring once a call; whoever is rung while another call to the number is open,
or for an attempt that was rung before, is noted in `doubles`.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from campaigns.exotel.details import CallDetails, CallList
from campaigns.exotel.statuses import CallStatus
from campaigns.intents import Intent

LONGEST = timedelta(seconds=60 + 45)  # TimeLimit and ring timeout of the machine's campaigns, see there

_sids = itertools.count(1)


@dataclass
class Call:
    """One call as the carrier knows it."""

    sid: str
    attempt_id: int
    campaign_id: int
    number: str
    caller_id: str
    at: datetime
    status: CallStatus = CallStatus.IN_PROGRESS
    answered: bool = False

    @property
    def open(self) -> bool:
        return not self.status.terminal

    def end(self, status: CallStatus) -> None:
        if self.open:
            self.status = status
            self.answered |= status == CallStatus.ANSWERED

    def details(self) -> CallDetails:
        return CallDetails(
            sid=self.sid,
            number=self.number,
            caller_id=self.caller_id,
            status=self.status,
            direction="outbound-api",
            created=self.at,
            start=self.at,
            end=None,
            duration=None,
            conversation_duration=None,
            price=None,
            recording_url=None,
            raw={"Sid": self.sid, "Status": self.status.value},
        )


@dataclass
class Carrier:
    """Takes calls, and answers what `campaigns.reconciling` asks an ExotelClient: three questions, and which it is."""

    calls_made: list[Call] = field(default_factory=list)
    doubles: list[str] = field(default_factory=list)
    reaches: str = field(default_factory=lambda: f"carrier {next(_sids)}")
    clock: datetime | None = None  # tells no date: what is late is decided by our clock alone
    lists_ongoing: bool = False  # the vendor's list is known to leave calls out that go on

    def accept(self, intent: Intent, at: datetime) -> Call:
        number, attempt_id = intent.request.number, intent.attempt_id
        if any(call.attempt_id == attempt_id for call in self.calls_made):
            self.doubles.append(f"attempt {attempt_id} was placed twice")
        if any(call.number == number for call in self.open):
            self.doubles.append(f"{number} was rung while another call to it was open")
        call = Call(f"sid-{next(_sids):08d}", attempt_id, intent.campaign_id, number, intent.request.caller_id, at)
        self.calls_made.append(call)
        return call

    @property
    def open(self) -> list[Call]:
        return [call for call in self.calls_made if call.open]

    def time_passes(self, now: datetime) -> None:
        """No call outlasts its ring timeout and TimeLimit."""
        for call in self.open:
            if now - call.at > LONGEST:
                call.end(CallStatus.ANSWERED if call.answered else CallStatus.NO_ANSWER)

    def of(self, attempt_id: int) -> Call | None:
        return next((call for call in self.calls_made if call.attempt_id == attempt_id), None)

    def call(self, sid: str) -> CallDetails | None:
        return next((call.details() for call in self.calls_made if call.sid == sid), None)

    def calls(self, sids: Sequence[str]) -> dict[str, CallDetails]:
        return {call.sid: call.details() for call in self.calls_made if call.sid in sids and self._listed(call)}

    def calls_to(self, number: str, *, since: datetime, until: datetime) -> CallList:
        found = [call for call in self.calls_made if call.number == number and since <= call.at <= until]
        return CallList(tuple(call.details() for call in found if self._listed(call)), complete=True)

    def _listed(self, call: Call) -> bool:
        return self.lists_ongoing or not call.open
