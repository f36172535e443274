"""Which recordings are due, one try of each, and what its result means. Called by a tick; lost ticks do no harm.

The caller's thread owns the database; a few threads only fetch. A recording is claimed by a conditional UPDATE that
numbers the try; a worker that dies leaves it claimed until its lease ends, and the next try begins anew. Waits after
a try that came to nothing: 30 s, 1, 2, 5, 10, 20 minutes, then doubled up to 3 hours; given up after a day.
"""

import logging
import time
from collections.abc import Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet

from campaigns import audit, dialing, holds, pacing
from campaigns.audit import Actor
from campaigns.lifecycle import AttemptState, Outcome, advance
from campaigns.models import CallAttempt, Recording, RecordingStatus
from campaigns.models.recordings import GIVEN_UP, OPEN_RECORDINGS, RECORDING
from campaigns.recordings import finding, waveform
from campaigns.recordings.downloading import MOST_SECONDS, Failure, Limits
from campaigns.recordings.fetching import Outside, Result, Try, new_name, try_once

log = logging.getLogger(__name__)

AT_ONCE = 4  # downloads
LONGEST = 300.0  # seconds of one tick, before the downloads that are still under way
LOOK_EVERY = 5.0  # seconds between looks for calls that have just ended
LEASE = timedelta(seconds=3 * (MOST_SECONDS + 60))  # longer than any try: three addresses, each cut at MOST_SECONDS
GIVE_UP = timedelta(days=1)
WAITS = [timedelta(seconds=30), *(timedelta(minutes=minutes) for minutes in (1, 2, 5, 10, 20, 40, 80, 160))]
LONGEST_WAIT = timedelta(hours=3)
ASK_FROM = 3  # tries after which the call details are asked each time, whatever the address answered
NO_TURN = timedelta(seconds=10)  # at least, before an account is asked for its next question again
LATELY, LATE = timedelta(minutes=10), timedelta(hours=26)
FULL_LOOK = 600.0  # seconds between looks at everything that ended within LATE
ENROL_AT_ONCE = 500
MEASURINGS = 2  # a recording that kills its decoder twice is left without a waveform


def keep_all(outside: Outside | None = None, *, longest: float = LONGEST) -> int:
    """Fetch whatever is due until nothing is, or time is up; returns how many were stored."""
    outside = outside or Outside(limits=Limits(stopping=dialing.stopping.is_set))
    stored, until, look_at = 0, time.monotonic() + longest, 0.0
    running: dict[Future[Result], Try] = {}
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="recording") as pool:
        while True:
            if time.monotonic() >= look_at:
                enrol()
                look_at = time.monotonic() + LOOK_EVERY
            if time.monotonic() < until and not dialing.stopping.is_set():
                running |= {pool.submit(try_once, one, outside): one for one in claim(AT_ONCE - len(running))}
            if not running:
                break
            done, _ = wait(running, timeout=1.0, return_when=FIRST_COMPLETED)
            stored += sum(_finish(running.pop(future), future) for future in done)
    measure_due()
    return stored


def _finish(one: Try, future: Future[Result]) -> bool:
    error = future.exception()
    if error:
        # A bug, or a storage's own kind of error: the claim ends with its lease, and the others go on.
        log.error("recording %s: the try broke off", one.recording_id, exc_info=error)
        return False
    if not settle(one, future.result()):
        return False
    measure_due(only=one.recording_id)
    return True


# ------------------------------------------------------------------------------------------------------------- which
_full_look_at = 0.0  # time.monotonic(); forgetting it costs one query


def enrol() -> int:
    """Begin the search for recordings of calls that ended answered; returns of how many."""
    global _full_look_at  # noqa: PLW0603
    full = time.monotonic() >= _full_look_at
    if full:
        _full_look_at = time.monotonic() + FULL_LOOK
    now = pacing.db_now()
    ended = CallAttempt.objects.filter(
        Q(campaign__record=True) | ~Q(recording_url=""),
        state=AttemptState.ENDED,
        outcome=Outcome.ANSWERED,
        ended_at__gte=now - (LATE if full else LATELY),
        recording=None,
    )
    ids = list(ended.values_list("pk", flat=True)[:ENROL_AT_ONCE])
    _begin(ids, now)
    return len(ids)


def _begin(attempt_ids: Iterable[int], now: datetime) -> None:
    rows = (Recording(attempt_id=pk, next_try_at=now, give_up_at=now + GIVE_UP, changed_at=now) for pk in attempt_ids)
    Recording.objects.bulk_create(rows, ignore_conflicts=True)


def claim(most: int) -> list[Try]:
    """Take up to `most` recordings that are due. One for which no question may be asked now is put off."""
    now = pacing.db_now()
    with transaction.atomic():
        due = (
            Recording.objects.filter(status__in=OPEN_RECORDINGS, next_try_at__lte=now)
            .select_related("attempt__account")
            .select_for_update(of=("self",), skip_locked=True)
            .order_by("next_try_at")[: max(0, most)]
        )
        return [one for one in (_claim_one(recording, now) for recording in due) if one]


def _claim_one(recording: Recording, now: datetime) -> Try | None:
    attempt = recording.attempt
    found = finding.candidates(attempt)
    known = any(candidate.target for candidate in found)
    ask = bool(attempt.sid) and (recording.ask_next or not known)
    if ask and not pacing.take_details_turn(attempt.account):
        later = now + max(NO_TURN, pacing.details_step(attempt.account))
        Recording.objects.filter(pk=recording.pk).update(next_try_at=later)
        return None
    stale, recording.file.name = recording.file.name or "", new_name(now)
    Recording.objects.filter(pk=recording.pk).update(
        status=RecordingStatus.FETCHING,
        tries=recording.tries + 1,
        file=recording.file.name,
        candidates=finding.as_json(found),
        next_try_at=now + LEASE,
        changed_at=now,
    )
    return Try(
        recording_id=recording.pk,
        account=attempt.account,
        sid=attempt.sid or "",
        candidates=tuple(found),
        ask=ask,
        storage=recording.file.storage,
        name=recording.file.name,
        stale_name=stale,
    )


# ------------------------------------------------------------------------------------------------------------ result
def settle(one: Try, result: Result) -> bool:
    """Write what came of a try; True if it is stored now. A try that another one has overtaken leaves nothing."""
    if result.limited:
        holds.back_off(one.account.pk, result.limited.retry_after)
    if result.sound:
        return _stored(one, result)
    failure = result.failure or Failure("Exotel asks to wait")
    with transaction.atomic():
        recording = _mine(one).select_for_update().first()
        if recording is None:
            return False
        now = pacing.db_now()
        if failure.final or now >= recording.give_up_at:
            _give_up(recording, failure, now)
        else:
            _later(recording, failure, now)
        Recording.objects.filter(pk=recording.pk).update(candidates=finding.as_json(result.candidates))
    return False


def _mine(one: Try) -> QuerySet[Recording]:
    """The recording while this try still has it: the name is the fence, each try has its own."""
    return Recording.objects.filter(pk=one.recording_id, status=RecordingStatus.FETCHING, file=one.name)


def _stored(one: Try, result: Result) -> bool:
    sound, now = result.sound, pacing.db_now()
    won = sound and advance(
        _mine(one),
        RECORDING,
        RecordingStatus.STORED,
        field="status",
        size=sound.size,
        sha256=sound.sha256,
        content_type=sound.content_type,
        presigned=bool(result.target and result.target.presigned),
        candidates=finding.as_json(result.candidates),
        fetched_at=now,
        changed_at=now,
        next_try_at=None,
        last_error="",
        reason="",
    )
    if not won:
        one.storage.delete(one.name)
    return bool(won)


def _later(recording: Recording, failure: Failure, now: datetime) -> None:
    pause = WAITS[recording.tries - 1] if recording.tries <= len(WAITS) else LONGEST_WAIT
    advance(
        Recording.objects.filter(pk=recording.pk),
        RECORDING,
        RecordingStatus.WAITING,
        field="status",
        next_try_at=min(now + pause, max(recording.give_up_at, now + WAITS[0])),
        ask_next=failure.denied or recording.tries >= ASK_FROM,
        last_error=str(failure)[:300],
        changed_at=now,
    )


def _give_up(recording: Recording, failure: Failure, now: datetime) -> None:
    advance(
        Recording.objects.filter(pk=recording.pk),
        RECORDING,
        RecordingStatus.REFUSED if failure.bad else RecordingStatus.MISSING,
        field="status",
        reason=str(failure)[:300],
        last_error=str(failure)[:300],
        next_try_at=None,
        changed_at=now,
    )


# ----------------------------------------------------------------------------------------------------------- measure
def measure_due(only: int | None = None) -> int:
    """Make waveforms that are missing. Counted before it begins: what kills a decoder is not decoded for ever."""
    due = Recording.objects.filter(status=RecordingStatus.STORED, peaks__isnull=True, measurings__lt=MEASURINGS)
    if only is not None:
        due = due.filter(pk=only)
    done = 0
    for recording in due.order_by("pk")[:20]:
        claimed = due.filter(pk=recording.pk, measurings=recording.measurings)
        done += claimed.update(measurings=recording.measurings + 1) and _measure(recording)
    return done


def _measure(recording: Recording) -> int:
    rows = Recording.objects.filter(pk=recording.pk)
    try:
        with recording.file.storage.open(recording.file.name or "") as file:
            found = waveform.measure(file)
    except (waveform.NotAudio, OSError) as trouble:
        return rows.update(peaks=[], last_error=f"stored, but without a waveform: {trouble}"[:300])
    return rows.update(peaks=found.peaks, channels=found.channels, seconds=found.seconds)


# ------------------------------------------------------------------------------------------------------------- again
def refetch(attempt_id: int, *, by: Actor) -> bool:
    """Search anew for the recording of one call, at once and for another day; False if it is stored or under way."""
    now = pacing.db_now()
    with transaction.atomic():
        _begin([attempt_id], now)
        rows = Recording.objects.filter(attempt_id=attempt_id, status__in=(*GIVEN_UP, RecordingStatus.WAITING))
        if not _again(rows, now):
            return False
        audit.record(by, "fetch recording again", f"call:{attempt_id}")
    return True


def refetch_all(account_kind: str, *, by: Actor) -> int:
    """Search anew for every recording that was given up, of real or of simulated calls; returns how many."""
    with transaction.atomic():
        rows = Recording.objects.filter(status__in=GIVEN_UP, attempt__account_kind=account_kind)
        count = _again(rows, pacing.db_now())
        audit.record(by, "fetch recordings again", "calls", count=count)
    return count


def _again(rows: QuerySet[Recording], now: datetime) -> int:
    return rows.update(
        status=RecordingStatus.WAITING,
        reason="",
        tries=0,
        ask_next=True,
        next_try_at=now,
        give_up_at=now + GIVE_UP,
        changed_at=now,
    )
