"""Whatever is asked of Exotel, dials or not, counts: no sliding minute holds more requests than the account may."""

import json
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from campaigns import dialing, holds, pacing, reconciling, stream_use
from campaigns.exotel.answers import Accepted
from campaigns.exotel.payloads import ConnectRequest
from campaigns.lifecycle import AttemptState
from campaigns.models import CallAttempt, ExotelAccount, Pacer
from campaigns.owners import Owner
from campaigns.views import accounts
from tests import people
from tests.dialing.test_pacing import most_within
from tests.exotel.wire import CONNECTED_XML, FarSide, Line, http, refusal
from tests.exotel.wire import far_side as scripted

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)
LIMIT = 60
EMPTY = http(200, b'{"Metadata":{"NextPageUri":null},"Calls":[]}')


class Minutes:
    """A far side, and the clock of ours at which each request reached it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch
        self.began = self.now = timezone.now()
        self.came: list[tuple[datetime, str]] = []
        self.placed: dict[str, tuple[str, datetime]] = {}  # calls that it surely placed: number, Sid and when
        self.side = FarSide(self.answer)
        self.move(self.now)

    def move(self, to: datetime) -> None:
        self.now = to
        self._monkeypatch.setattr(pacing, "CLOCK", f"'{to.isoformat()}'::timestamptz")

    def answer(self, line: Line) -> None:
        request = self.side.answering(line).decode()
        known = next((number for number in self.placed if number[3:] in request.splitlines()[0]), "")
        kind = "dial" if request.startswith("POST") else "known" if known else "list"
        self.came.append((self.now, kind))
        line.say({"dial": http(200, CONNECTED_XML), "list": EMPTY, "known": self.known(known)}[kind])

    def known(self, number: str) -> bytes:
        """A list with the call to that number, placed when we placed it."""
        sid, at = self.placed.get(number, ("", self.began))
        local = at.astimezone(ZoneInfo("Asia/Kolkata"))
        call = {"From": number, "Sid": sid, "Status": "busy", "DateCreated": f"{local:%Y-%m-%d %H:%M:%S}"}
        return http(200, json.dumps({"Calls": [call]}).encode())

    def kinds(self) -> list[str]:
        return [kind for _, kind in self.came]


def late(account: ExotelAccount, minutes: Minutes, *, intent_at: datetime) -> CallAttempt:
    """An unknown attempt whose absence counts, beside a known call of its own."""
    campaign, now = people.campaign(account), minutes.now
    sid = f"{intent_at.timestamp():032.0f}"
    known = people.attempt(people.contact(campaign), AttemptState.ENDED, sid=sid, placed_at=now, intent_at=intent_at)
    minutes.placed[known.phone] = (sid, intent_at)
    fields = {"intent_at": intent_at, "proof_at": now - timedelta(seconds=1), "check_at": now}
    return people.attempt(people.contact(campaign), AttemptState.UNKNOWN, **fields)


def test_dials_and_proofs_of_absence_together_never_pass_the_limit_in_any_minute(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    minutes = Minutes(monkeypatch)
    with minutes.side as exotel:
        account = people.account(api_url=exotel.url, calls_per_minute=LIMIT)
        apart = [timedelta(seconds=10 * number) for number in range(3)]
        unknown = [late(account, minutes, intent_at=minutes.now - one) for one in apart]
        client = dialing.client_for(account)
        request = ConnectRequest(number=people.phone(), caller_id=people.CALLER_ID, mode="flow", flow_url=people.FLOW)
        Pacer.objects.update(next_dial_at=minutes.now, next_details_at=minutes.now)
        while CallAttempt.objects.filter(state=AttemptState.UNKNOWN).exists():
            assert minutes.now < minutes.began + 3 * MINUTE
            if not pacing.take_dial_turn(account.pk):
                assert isinstance(client.connect(request, not_after=float("inf")), Accepted)
            reconciling.reconcile(account)
            pacer = people.pacer(account)
            minutes.move(min(one for one in (pacer.next_dial_at, pacer.next_details_at) if one > minutes.now))
    kinds = minutes.kinds()
    assert (kinds.count("list"), kinds.count("known")) == (3, 3)
    assert most_within([at for at, _ in minutes.came], MINUTE) <= LIMIT
    assert {attempt.reason_code for attempt in CallAttempt.objects.filter(pk__in=[one.pk for one in unknown])} == {
        "not-placed"
    }


def test_one_known_call_serves_all_that_are_nearest_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    minutes = Minutes(monkeypatch)
    with minutes.side as exotel:
        account = people.account(api_url=exotel.url)
        first = late(account, minutes, intent_at=minutes.now)
        for _ in range(2):
            fields = {"intent_at": first.intent_at, "proof_at": first.proof_at, "check_at": minutes.now}
            people.attempt(people.contact(first.campaign), AttemptState.UNKNOWN, **fields)
        for _ in range(4):
            minutes.move(minutes.now + timedelta(seconds=1))
            assert reconciling.reconcile(account)
    assert minutes.kinds() == ["known", "list", "list", "list"]
    assert not CallAttempt.objects.filter(state=AttemptState.UNKNOWN).exists()


def test_further_pages_of_a_list_are_charged_to_the_questions_after_it() -> None:
    more = http(200, b'{"Metadata":{"NextPageUri":"/v1/Accounts/simulated/Calls.json?After=x"},"Calls":[]}')
    more_still = http(200, b'{"Metadata":{"NextPageUri":"/v1/Accounts/simulated/Calls.json?After=y"},"Calls":[]}')
    with scripted(more, more_still, EMPTY) as exotel:
        account = people.account(api_url=exotel.url, calls_per_minute=LIMIT)
        people.attempt(people.contact(people.campaign(account)), AttemptState.UNKNOWN, check_at=timezone.now())
        assert reconciling.reconcile(account)
    waits = people.pacer(account).next_details_at - timezone.now()
    assert len(exotel.requests) == 3
    assert 2.5 < waits / pacing.details_step(account) <= 3


def test_what_is_owed_is_not_taken_for_a_clock_that_was_set_back() -> None:
    account = people.account(calls_per_minute=LIMIT)
    for _ in range(3):
        pacing.charge_details(account, 19)
    wait = people.pacer(account).next_details_at - pacing.db_now()
    assert 19 < wait / pacing.details_step(account) <= pacing.MOST_OWED
    assert not pacing.take_details_turn(account)


def test_the_probe_of_a_held_account_keeps_the_back_off_takes_a_dials_turn_and_heeds_the_rate_it_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(dialing.Loop, "_settle_next", lambda *_, **__: None)
    with scripted(http(200, b'{"Metadata":{},"Calls":[]}', ALLOWANCE[0])) as exotel:
        account = people.account(api_url=exotel.url, calls_per_minute=LIMIT)
        past = timezone.now() - timedelta(seconds=1)
        held = {"held_code": holds.UNREACHABLE, "held_since": past, "probe_at": past, "next_dial_at": past}
        Pacer.objects.update(**held, backoff_until=timezone.now() + MINUTE)
        owner = Owner()
        try:
            loop = dialing.Loop(account.pk, owner)
            loop._probe()
            assert exotel.requests == []
            Pacer.objects.update(backoff_until=past)
            loop._probe()
        finally:
            owner.close()
    pacer = people.pacer(account)
    assert (len(exotel.requests), pacer.probing, pacer.told_per_minute) == (1, True, 30)
    assert pacer.next_dial_at > past + timedelta(seconds=1)


def test_a_429_to_the_question_about_streams_makes_the_account_wait() -> None:
    with scripted(http(429, refusal(429, "Slow down"), "Retry-After: 30")) as exotel:
        account = people.account(api_url=exotel.url)
        assert stream_use.read(account, timezone.now())
        assert not stream_use.read(account, timezone.now())
    assert people.pacer(account).backoff_until
    assert len(exotel.requests) == 1


def test_an_operators_question_is_charged_and_none_is_asked_while_the_account_waits() -> None:
    with scripted(EMPTY) as exotel:
        account = people.account(api_url=exotel.url, calls_per_minute=LIMIT)
        assert accounts.connection(account).state == "ok"
        assert people.pacer(account).next_details_at > timezone.now()
        Pacer.objects.update(backoff_until=timezone.now() + timedelta(seconds=30))
        assert "wants none for" in accounts.connection(account).what
    assert len(exotel.requests) == 1


ALLOWANCE = ("X-RateLimit-Limit: 30", "X-RateLimit-Remaining: 0", "X-RateLimit-Reset: 20")


def test_what_the_answer_to_a_question_says_of_the_accounts_rate_is_heeded() -> None:
    with scripted(http(200, b'{"Metadata":{},"Calls":[]}', *ALLOWANCE)) as exotel:
        account = people.account(api_url=exotel.url, calls_per_minute=LIMIT)
        due = {"sid": "d" * 32, "check_at": timezone.now()}
        people.attempt(people.contact(people.campaign(account)), AttemptState.PLACED, **due)
        assert reconciling.reconcile(account)
    assert_heeded(account)


@pytest.mark.parametrize("status", [200, 429])
def test_and_so_is_that_to_the_question_about_streams(status: int) -> None:
    body = b'{"status":"success","active_streams":7,"max_allowed_streams":100,"account_sid":"acct"}'
    with scripted(http(status, body, *ALLOWANCE)) as exotel:
        account = people.account(api_url=exotel.url, calls_per_minute=LIMIT)
        assert stream_use.read(account, timezone.now())
    assert_heeded(account)


def test_and_that_to_an_operators_question() -> None:
    with scripted(http(200, b'{"Metadata":{},"Calls":[]}', *ALLOWANCE)) as exotel:
        account = people.account(api_url=exotel.url, calls_per_minute=LIMIT)
        accounts.connection(account)
    assert_heeded(account)


def assert_heeded(account: ExotelAccount) -> None:
    pacer = people.pacer(account)
    assert pacing.allowed(account, pacer) == 30
    assert 15 < pacing.backing_off(account) <= 20
