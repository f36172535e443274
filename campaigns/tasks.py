"""Celery's clockwork: each task finds due rows and makes one domain call. No payloads, no results, no ETA.

A tick that is lost, late or doubled does no harm: what must not run twice at once holds an advisory lock or locks
rows, and the next tick comes within seconds.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from celery import shared_task
from celery.signals import after_task_publish, task_prerun, task_received, worker_shutting_down
from django.db import Error as DatabaseTrouble
from django.db import connection

from campaigns import (
    breakers,
    control,
    dialing,
    enrolling,
    events,
    heartbeat,
    marks,
    pacing,
    passthru,
    preparing,
    reconciling,
    replanning,
    scheduling,
    stall_watch,
    stream_use,
    sweeping,
    tallies,
)
from campaigns.importing import loading
from campaigns.recordings import keeping

log = logging.getLogger(__name__)

TICK_LOCK = 79  # pg advisory lock (79, n): one runner of each tick at a time
IMPORTS = (6, 7)  # locks of imports: two at a time, since long ones must not take all threads from housekeeping
PREPARE_SECONDS = 5.0
RECONCILE_SECONDS = 2.0
BETWEEN_CHUNKS = 0.5


@task_received.connect  # one that comes too late to be done, too: an overloaded machine is not a deaf worker
@task_prerun.connect
@after_task_publish.connect
def leave_mark(**_: object) -> None:
    """A worker took a tick, or the clock sent one."""
    marks.leave()


@worker_shutting_down.connect
def stop_dialing(**_: object) -> None:
    """Grant nothing more; POSTs that are out are settled before the worker ends."""
    dialing.stopping.set()


@shared_task(ignore_result=True)
def dial_tick() -> None:
    with _surviving("dial tick"):
        heartbeat.beat()
        while dialing.drive_one():  # who left its thread to somebody else: that is who comes next
            pass


@shared_task(ignore_result=True)
def prepare_tick() -> None:
    with _alone(1) as mine:
        if mine:
            # Between two chunks of a long list, so that its first people, and other campaigns, are not kept waiting.
            while enrolling.enrol_all() and not dialing.stopping.is_set():
                preparing.prepare_all(BETWEEN_CHUNKS)
            preparing.prepare_all(PREPARE_SECONDS)


@shared_task(ignore_result=True)
def housekeeping_tick() -> None:
    with _alone(2) as mine:
        if mine:
            with ExitStack() as chores:  # each is done, whatever becomes of the others; a fault is raised after all
                for chore in reversed(_CHORES):
                    chores.callback(chore)


@shared_task(ignore_result=True)
def reconcile_tick() -> None:
    with _alone(3) as mine:
        if mine:
            reconciling.reconcile_for(RECONCILE_SECONDS)
            stream_use.read_due()


@shared_task(ignore_result=True)
def import_tick() -> None:
    for lane in IMPORTS:
        with _alone(lane) as mine:
            if mine:
                loading.run_due()
                return


@shared_task(ignore_result=True)
def tidy_tick() -> None:
    with _alone(4) as mine:
        if mine:
            preparing.sweep_speech()
            tallies.verify_some(pacing.db_now())


@shared_task(ignore_result=True)
def recordings_tick() -> None:
    with _alone(5) as mine:
        if mine:
            keeping.keep_all()


_CHORES: tuple[Callable[[], object], ...] = (
    scheduling.start_due,
    sweeping.sweep_orphans,
    sweeping.expire_slots,
    sweeping.close_dead_streams,
    sweeping.ask_about_silent_calls,
    passthru.adopt_late,
    events.apply_leftovers,
    control.finish_all,
    replanning.replan_all,
    breakers.look,
    stall_watch.look,
    tallies.fold,
)


@contextmanager
def _surviving(what: str) -> Iterator[None]:
    """A database that restarts ends this tick, with a line in the log; the next one starts afresh."""
    try:
        yield
    except DatabaseTrouble as trouble:
        log.warning("%s ended early: %s", what, trouble)
        connection.close()


@contextmanager
def _alone(tick: int) -> Iterator[bool]:
    """Whether this is the only runner of the tick; a lost connection gives the lock back by itself."""
    mine = False
    with _surviving(f"tick {tick}"):
        mine = _lock(tick)
    try:
        with _surviving(f"tick {tick}"):
            yield mine
    finally:
        if mine and connection.connection is not None:
            with _surviving(f"tick {tick}"):
                _unlock(tick)


def _lock(tick: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [TICK_LOCK, tick])
        return bool(cursor.fetchone()[0])


def _unlock(tick: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [TICK_LOCK, tick])
