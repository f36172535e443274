"""The loop that drives one account: intent -> POST -> result. Plain synchronous code.

The loop's thread owns the database and the pace; pool threads only POST. The loop takes the account's lock, stays
while a campaign runs, gives the lock up first and drains its POSTs after, so that the next tick goes on without a
gap. Lost, late or doubled ticks are harmless: whoever has the lock drives.
"""

import contextlib
import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import psycopg
from django.core.exceptions import ImproperlyConfigured
from django.db import Error as DatabaseTrouble
from django.db import InterfaceError, OperationalError, connection, transaction

from campaigns import departures, failpoints, gaps, holds, intents, learning, marks, pacing, rota, settling
from campaigns.exotel.answers import Accepted, ConnectAnswer, NotSent, Refused, Unknown
from campaigns.exotel.client import ExotelClient
from campaigns.exotel.exchange import Gate
from campaigns.intents import Intent, Reached, Wait
from campaigns.lifecycle import AttemptState
from campaigns.models import CallAttempt, ExotelAccount, Pacer
from campaigns.owners import Owner
from campaigns.turns import Slots

log = logging.getLogger(__name__)

POSTS_AT_ONCE = 64
FEW_POSTS = 8  # that may be out before the first answer
TOGETHER = 32  # accepted POSTs settled in one transaction
SHORT = 0.02  # seconds of rest that are too few to settle in: the next call would be late
LINGER = 0.1  # seconds that an accepted POST waits for others while there are people to dial
SILENT = 3.0  # seconds after which a POST without an answer is a bad sign; a usual one takes less than one
FIRST_BYTE_WITHIN = 0.5  # seconds after the intent's commit; later, nothing is sent
LONGEST = 600.0  # seconds one loop drives before it hands over
LONGEST_DRAIN = 15.0  # seconds: a POST takes at most 10
IDLE_LOOKS = 3  # looks in a row that found no running campaign before the loop ends

UNUSABLE = (ValueError, ZoneInfoNotFoundError, ImproperlyConfigured)  # an address, a zone, a key that fits no more

stopping = threading.Event()  # set when the worker is told to stop


def drive_one() -> bool:
    """Drive one account with work whose lock is free, until there is no more or others wait; False if there was none.

    Who was driven longest ago comes first.
    """
    driven = pacing.driven()
    accounts = [account_id for account_id in rota.accounts_with_work() if account_id not in driven]
    if not accounts or stopping.is_set():
        return False
    try:
        owner = Owner()
    except psycopg.OperationalError as trouble:
        log.warning("no connection for the dial loop's lock: %s", trouble)
        return False
    try:
        return any(_drive(account_id, owner) for account_id in accounts)
    except (psycopg.Error, OperationalError, InterfaceError) as trouble:
        log.warning("dial loop %s lost its database before it dialled: %s", owner.number, trouble)
        connection.close()
        return False
    finally:
        owner.close()


def _drive(account_id: int, owner: Owner) -> bool:
    """Drive one account to its end, if nobody else does. One whose settings are broken is held, not tried for ever."""
    if not owner.take_account(account_id):
        return False
    trouble = ""
    try:
        loop = Loop(account_id, owner)
    except UNUSABLE as wrong:
        trouble = str(wrong)
    with transaction.atomic():
        holds.note_configured(pacing.lock(account_id), trouble, pacing.db_now())
    if trouble or not gaps.clear(account_id):
        owner.give_account(account_id)
        return False
    return loop.run()


def client_for(account: ExotelAccount) -> ExotelClient:
    """Who asks Exotel for the account. Raises one of UNUSABLE if its settings are broken or it must not be reached."""
    failpoints.refuse(account.api_url)
    return ExotelClient(
        account.api_url,
        account.account_sid,
        account.api_key,
        account.api_token,
        "documented" if account.spelling == "documented" else "wire",
        time_zone=ZoneInfo(account.time_zone),
    )


@dataclass(frozen=True)
class Arrived:
    """An answer on its way from a pool thread to the loop; `late` comes after an Unknown for the same POST."""

    attempt_id: int
    answer: ConnectAnswer
    late: bool = False
    at: float = field(default_factory=time.monotonic)


class Room:
    """How many POSTs may be out at once: as many as the pace needs while Exotel answers, and few at first.

    An outage in which Exotel takes requests and says nothing costs everybody who is out when it begins. So there is
    room for one more only when an answer comes while all the room is taken, and what is not needed is given up again.
    One whose fate stays unknown makes no room for another: as many in a row as were out hold the account.
    """

    def __init__(self) -> None:
        self.size = float(FEW_POSTS)
        self._unknown_in_row = 0

    def heard(self, answers: Sequence[ConnectAnswer], out: int) -> None:
        """These have come while `out` POSTs, they counted, were without an answer."""
        for answer in answers:
            if not isinstance(answer, NotSent):
                self._unknown_in_row = self._unknown_in_row + 1 if isinstance(answer, Unknown) else 0
        if any(isinstance(answer, Unknown | NotSent) for answer in answers):
            self.size = float(max(FEW_POSTS - self._unknown_in_row, 1))
        elif out >= int(self.size):
            self.size = min(self.size + 2, POSTS_AT_ONCE)
        elif self.size > out + FEW_POSTS:
            self.size -= 0.1


class Loop:
    """One account, driven by one owner. `run` returns when the account has no running campaign or time is up."""

    def __init__(self, account_id: int, owner: Owner, *, longest: float = LONGEST) -> None:
        self._account_id = account_id
        self._owner = owner
        self._until = time.monotonic() + longest
        account = ExotelAccount.objects.get(pk=account_id)
        self._client, self._reached = client_for(account), Reached.of(account)
        self._keeper = gaps.keeper(account_id)
        self._refused = False
        self._pool = ThreadPoolExecutor(POSTS_AT_ONCE, thread_name_prefix="post")
        self._answers: queue.SimpleQueue[Arrived] = queue.SimpleQueue()
        self._heard: list[Arrived] = []  # answers taken from the queue and not settled yet, in order
        self._room = Room()
        self._departures = departures.of(account_id)
        self._slots = Slots()
        # Attempts whose POST may have begun and is not settled, and when it was handed over; the oldest comes first.
        self._out: dict[int, float] = {}

    def run(self) -> bool:
        try:
            with self._keeper:
                self._drive()
            return True
        except DatabaseTrouble as trouble:
            # The server restarted or went away: the lock went with it. The next tick starts afresh.
            log.warning("the dial loop of account %s lost its database: %s", self._account_id, trouble)
            connection.close()
            return False
        finally:
            self._owner.give_account(self._account_id)
            self._drain()
            self._pool.shutdown(wait=False)

    def _drive(self) -> None:
        idle, stay = 0, rota.Stay(self._account_id)
        while idle < IDLE_LOOKS and time.monotonic() < self._until and not stopping.is_set():
            marks.leave()
            self._hear()
            if self._pressing():
                self._settle_heard()
            if (long := self._crowded()) > 0:
                self._settle_next(timeout=long)
                continue
            known = self._keeper.floor
            most = min(intents.TOGETHER, int(self._room.size) - self._unanswered())
            step = intents.next_intents(
                self._account_id, self._owner.number, self._slots, most=most, line=self._departures.line
            )
            if not isinstance(step, Wait):
                if step[0].attempt_id <= known:
                    return  # numbers are given out twice: the database was put back under our feet
                self._post_all(step)
            elif step.block.code == "owner":
                return
            else:
                idle = idle + 1 if not step.work else 0
                if step.block.code in holds.PROBED:
                    self._probe()
                self._rest(step)
            if stay.over(step):
                return

    def _crowded(self) -> float:
        """Seconds in which nobody should be granted, because enough are out or at the gate; 0.0 or less: go on."""
        return 0.2 if self._enough_out() else self._departures.line("account") - pacing.AHEAD.total_seconds()

    def _enough_out(self) -> bool:
        """There is no room; or so many POSTs are silent that the account would be held if they came to nothing."""
        silent = time.monotonic() - SILENT
        in_row = islice(self._out.values(), holds.UNKNOWNS_IN_ROW - 1, None)
        return self._unanswered() >= int(self._room.size) or next(in_row, silent) < silent

    def _unanswered(self) -> int:
        return len(self._out) - len(self._heard)

    def _rest(self, wait: Wait) -> None:
        """Sleep until it may be somebody's turn, settling what comes in meanwhile."""
        until = time.monotonic() + wait.seconds
        while (left := until - time.monotonic()) > 0 and not stopping.is_set():
            if left > SHORT:
                self._settle_next(timeout=min(left, 0.5))
            else:
                time.sleep(left)

    def _post_all(self, together: Sequence[Intent]) -> None:
        for intent in together:
            self._post(intent)

    def _post(self, intent: Intent) -> None:
        if self._refused or self._reached != intent.account:
            # The account was edited, or Exotel said no and somebody may have given us another key since.
            self._client = client_for(ExotelAccount.objects.get(pk=self._account_id))
            self._reached, self._refused = intent.account, False
        failpoints.reach("intent.committed")
        asked = intent.request
        lasts = (asked.ring_timeout or 0) + (asked.time_limit or 0) + intents.POST_SECONDS
        self._keeper.saw(intent.attempt_id, self._owner.number, lasts=lasts)
        self._out[intent.attempt_id] = time.monotonic()
        leaves = self._departures.moment(intent.leaves_at, looked_at=intent.looked_at, heard=intent.heard)
        gate = self._departures.gate(intent.steps, leaves)
        posting = self._pool.submit(_post_once, self._client, intent, leaves, gate, self._answers.put)
        posting.add_done_callback(_complain)

    def _hear(self, timeout: float = 0) -> None:
        """Take what has come from the queue; wait up to `timeout` seconds for the first if there is none."""
        before = len(self._heard)
        with contextlib.suppress(queue.Empty):
            if timeout and not self._heard:
                self._heard.append(self._answers.get(timeout=timeout))
            while True:
                self._heard.append(self._answers.get_nowait())
        if new := [arrived.answer for arrived in self._heard[before:]]:
            self._room.heard(new, len(self._out) - before)

    def _pressing(self) -> bool:
        """Whether what was heard should be settled before the next intent. An answer that may stop the account is."""
        if not self._heard:
            return False
        waited = time.monotonic() - self._heard[0].at
        usual = all(isinstance(arrived.answer, Accepted) for arrived in self._heard)
        return not usual or len(self._heard) >= TOGETHER or waited > LINGER

    def _settle_next(self, timeout: float) -> None:
        """Settle what has come, or what comes next within `timeout` seconds."""
        self._hear(timeout)
        if self._heard:
            self._settle_heard()

    def _settle_heard(self) -> None:
        # What is known stays in `_heard` until it is written: it must not be lost to a restart of the database.
        settling.settle_all(self._account_id, [(arrived.attempt_id, arrived.answer) for arrived in self._heard])
        for arrived in self._heard:
            self._refused |= isinstance(arrived.answer, Refused)
            if not arrived.late:
                self._out.pop(arrived.attempt_id, None)
        self._heard.clear()

    def _drain(self) -> None:
        """Settle the POSTs still out. What cannot be written now is left to the sweeper, as unknown."""
        until = time.monotonic() + LONGEST_DRAIN
        given_back = False
        while (self._out or not given_back) and time.monotonic() < until:
            try:
                given_back = given_back or self._give_back()
                self._settle_next(timeout=0.2 if self._out else 0)
            except DatabaseTrouble as trouble:
                log.warning("answers to %s POSTs cannot be written yet: %s", len(self._out), trouble)
                connection.close()
                time.sleep(0.5)

    def _give_back(self) -> bool:
        """Intents that were committed just as the connection broke: this loop knows that it never sent them."""
        mine = CallAttempt.objects.filter(owner=self._owner.number, state=AttemptState.DIALING)
        for attempt_id in mine.exclude(pk__in=self._out).values_list("pk", flat=True):
            settling.settle(attempt_id, NotSent("the database went away before the request", ours=True))
        return True

    def _probe(self) -> None:
        """A held account whose probe is due: ask a question that costs no contact; if answered, try one call."""
        pacer = Pacer.objects.get(account_id=self._account_id)
        if not pacer.held_code or pacer.probing or pacer.probe_at is None:
            return
        now = pacing.db_now()
        if (pacing.believed(pacer.probe_at, now, holds.LONGEST_REST) or now) > now:
            return
        if seconds := pacing.take_dial_turn(self._account_id):  # nobody is dialled meanwhile; a back-off is kept
            self._settle_next(timeout=min(seconds, 0.5))
            return
        reachability = self._client.reachable()
        with transaction.atomic():
            pacer, now = pacing.lock_now(self._account_id)
            learning.told(pacer, self._client.allowance, now)
            holds.asked(pacer, now, answers=reachability.ok)


def _post_once(
    client: ExotelClient, intent: Intent, leaves: float, gate: Gate, report: Callable[[Arrived], None]
) -> None:
    """The one POST of an attempt, in a pool thread, at its turn; whatever goes wrong is an answer."""

    def late(answer: ConnectAnswer) -> None:
        report(Arrived(intent.attempt_id, answer, late=True))

    answer: ConnectAnswer = Unknown("our own code failed while the request was out")
    try:
        failpoints.reach("post.begin")
        latest = intent.committed_by + FIRST_BYTE_WITHIN
        answer = client.connect(intent.request, not_before=leaves, gate=gate, not_after=latest, late_answer=late)
        failpoints.reach("post.answered")
    finally:
        report(Arrived(intent.attempt_id, answer))


def _complain(posting: Future[None]) -> None:
    """An error in a pool thread is shown nowhere by itself."""
    if trouble := posting.exception():
        log.error("a POST broke off inside this program", exc_info=trouble)
