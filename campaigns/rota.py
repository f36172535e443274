"""Whose turn it is to be driven, when more accounts have people to dial than there are threads that dial.

Who was driven longest ago comes first. While somebody waits, a loop that has nothing to dial soon leaves its thread at
the next look, and one that dials after a few seconds; who is alone, or finds threads enough, keeps its own for long.
"""

from collections.abc import Sequence
from datetime import timedelta
from time import monotonic

from django.db.models import F, Q, QuerySet

from campaigns import pacing
from campaigns.intents import Intent, Wait
from campaigns.lifecycle import CampaignStatus
from campaigns.models import ExotelAccount, Pacer

LOOK_EVERY = 1.0  # seconds; no loop leaves sooner
TURN = 5.0  # seconds that a loop dials before it makes room
PATIENCE = 3.0  # seconds that others wait before one that dials leaves: a free thread takes them within a tick
FAR = timedelta(seconds=3)  # a wait that is worth leaving for


def accounts_with_work() -> list[int]:
    """Accounts that have a running campaign; who was driven longest ago, or never, comes first."""
    rows = Pacer.objects.filter(account__in=_busy()).order_by(F("loop_seen_at").asc(nulls_first=True), "pk")
    return list(rows.values_list("account_id", flat=True))


def somebody_waits(besides: int) -> bool:
    """Whether another account has work and no thread. One that needs a person before it dials needs no thread."""
    needs_nobody = Q(held_code="") | Q(probe_at__isnull=False)
    rows = Pacer.objects.filter(needs_nobody, account__in=_busy()).exclude(account=besides)
    others = set(rows.values_list("account_id", flat=True))
    return bool(others) and bool(others - pacing.driven())


def _busy() -> QuerySet[ExotelAccount]:
    return ExotelAccount.objects.filter(campaigns__status=CampaignStatus.RUNNING)


class Stay:
    """How long the loop of an account may keep its thread. Times are of time.monotonic()."""

    def __init__(self, account_id: int) -> None:
        self._account_id = account_id
        self._began = self._looked_at = monotonic()
        self._waited_since: float | None = None

    def over(self, step: Sequence[Intent] | Wait) -> bool:
        """Whether to leave the thread to somebody else, when this is what the last look for a person to dial gave."""
        now = monotonic()
        if now - self._looked_at < LOOK_EVERY:
            return False
        self._looked_at = now
        if not somebody_waits(besides=self._account_id):
            self._waited_since = None
            return False
        self._waited_since = self._waited_since or now
        return _far(step) or (now - self._began >= TURN and now - self._waited_since >= PATIENCE)


def _far(step: Sequence[Intent] | Wait) -> bool:
    """Whether nobody can be dialled for a while."""
    if not isinstance(step, Wait):
        return False
    until = step.block.until
    return until is None or until - pacing.db_now() > FAR
