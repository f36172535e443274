"""How many requests a minute an account really takes, when that is fewer than it is set to.

* **Told**: an answer, to a dial or to a question, names the account's limit (X-RateLimit-Limit). It bounds the pace,
  never below FEWEST, until another is named, or none for TOLD_FOR. An answer that says that no request is left makes
  the account wait until its Reset, at most a minute.
* **Learnt**: a single 429 is obeyed and forgotten: another system may have used the account for a moment. One that
  comes again within LATELY, although the pace was kept, means that the account is tighter than it is set to: the pace
  falls, at most once a minute, to what Exotel took in the last minute, by CUT at the most, never below FEWEST. After
  `learnt_patience` quiet minutes it rises by RISE of what is set; a 429 that answers a rise doubles the patience, so
  that the number of refusals grows with the logarithm of the time. Back at what is set, all is forgotten.

All of it stands in the account's row (Pacer) and is changed under its lock, so that no restart forgets it.
"""

from datetime import datetime, timedelta

from django.db import transaction

from campaigns import audit, pacing
from campaigns.audit import DIALER
from campaigns.exotel.allowances import RateAllowance
from campaigns.lifecycle import AttemptState
from campaigns.models import AuditEntry, CallAttempt, ExotelAccount, Pacer

MINUTE = timedelta(minutes=1)
LATELY = 10  # minutes
CUT = 0.7
RISE = 0.1
FEWEST = 6  # requests a minute
MOST_PATIENCE = 64  # minutes
TOLD_FOR = timedelta(hours=1)
USED_UP = "Exotel says that the requests of this minute are used up."

_FIELDS = ["slowed_at", "learnt_per_minute", "learnt_at", "learnt_patience"]


def too_fast(pacer: Pacer, now: datetime) -> None:
    """A 429 that is not the echo of another (the pacer is locked by the caller)."""
    again = pacer.slowed_at is not None and now - pacer.slowed_at < LATELY * MINUTE
    after_a_rise = pacer.learnt_per_minute is not None and pacer.slowed_at is None
    fresh = pacer.learnt_at is not None and now - pacer.learnt_at < MINUTE
    pacer.slowed_at = now
    if (again or after_a_rise) and not (fresh and not after_a_rise):
        _fall(pacer, now)
        if after_a_rise:
            pacer.learnt_patience = min(pacer.learnt_patience * 2, MOST_PATIENCE)
    pacer.save(update_fields=_FIELDS)


def _fall(pacer: Pacer, now: datetime) -> None:
    set_to = _set_to(pacer)
    current = min(set_to, pacer.learnt_per_minute or set_to)
    lower = max(FEWEST, int(current * CUT), min(current - 1, _taken(pacer, now)))
    if lower >= current:
        return
    if pacer.learnt_per_minute is None:
        reason = f"Exotel refused calls again and again (429): {lower} requests a minute for now, not {set_to}."
        audit.record(DIALER, "slower", f"account:{pacer.account_id}", reason=reason)
    pacer.learnt_per_minute, pacer.learnt_at = lower, now


def _taken(pacer: Pacer, now: datetime) -> int:
    """Requests a minute that Exotel took lately, questions about calls reckoned in."""
    calls = CallAttempt.objects.filter(account=pacer.account_id, intent_at__gt=now - MINUTE)
    dialled = calls.exclude(state__in=(AttemptState.REFUSED, AttemptState.DIALING)).count()
    return int(dialled / pacing.DIAL_SHARE * (timedelta(minutes=1) / MINUTE))


def quiet(pacer: Pacer, now: datetime) -> None:
    """Exotel took a call: after enough quiet minutes a little more is tried (the pacer is locked by the caller)."""
    if pacer.told_at and now - pacer.told_at > TOLD_FOR:
        pacer.told_per_minute = pacer.told_at = None
        pacer.save(update_fields=["told_per_minute", "told_at"])
    if pacer.learnt_per_minute is None or pacer.learnt_at is None:
        return
    if now - max(pacer.learnt_at, pacer.slowed_at or pacer.learnt_at) < pacer.learnt_patience * MINUTE:
        return
    set_to = _set_to(pacer)
    higher = pacer.learnt_per_minute + max(1, int(set_to * RISE))
    pacer.learnt_per_minute, pacer.learnt_at, pacer.slowed_at = higher, now, None
    if higher >= set_to:
        pacer.learnt_per_minute, pacer.learnt_at, pacer.learnt_patience = None, None, 1
        audit.record(DIALER, "full pace", f"account:{pacer.account_id}", reason=f"{set_to} requests a minute again.")
    pacer.save(update_fields=_FIELDS)


def heed(account_id: int, rate: RateAllowance | None) -> None:
    """What the answer to a question said about the account's rate, as if it were the answer to a dial."""
    if rate is not None:
        with transaction.atomic():
            pacer, now = pacing.lock_now(account_id)
            told(pacer, rate, now)


def told(pacer: Pacer, rate: RateAllowance | None, now: datetime) -> None:
    """What an answer says about the account's rate (the pacer is locked by the caller)."""
    if rate is None:
        return
    limit = max(rate.per_minute, FEWEST) if rate.per_minute else None
    if limit is not None and (limit != pacer.told_per_minute or pacer.told_at is None or now - pacer.told_at > MINUTE):
        if limit != pacer.told_per_minute and limit < _set_to(pacer):
            _note_told(pacer, limit, now)
        pacer.told_per_minute, pacer.told_at = limit, now
        pacer.save(update_fields=["told_per_minute", "told_at"])
    wait = rate.seconds(now)
    until = now + timedelta(seconds=wait) if rate.remaining == 0 and wait else None
    if until and (pacer.backoff_until is None or until > pacer.backoff_until):
        pacer.backoff_until, pacer.backoff_reason = until, USED_UP
        pacer.save(update_fields=["backoff_until", "backoff_reason"])


def _note_told(pacer: Pacer, limit: int, now: datetime) -> None:
    """Once in TOLD_FOR: a limit that is another with each answer must not fill the audit log."""
    says = "Exotel says that the account has"
    subject = f"account:{pacer.account_id}"
    lately = AuditEntry.objects.filter(subject=subject, action="slower", at__gt=now - TOLD_FOR)
    if not lately.filter(details__reason__startswith=says).exists():
        audit.record(DIALER, "slower", subject, reason=f"{says} {limit} requests a minute: fewer than it is set to.")


def _set_to(pacer: Pacer) -> int:
    return ExotelAccount.objects.values_list("calls_per_minute", flat=True).get(pk=pacer.account_id)


def why_slower(account: ExotelAccount, pacer: Pacer) -> str:
    """Why the account dials fewer calls than it is set to, in a sentence; '' if it does not."""
    allowed = pacing.allowed(account, pacer)
    if allowed >= account.calls_per_minute:
        return ""
    if allowed == pacer.told_per_minute:
        return f"Exotel says that the account has {allowed} requests a minute; it is set to {account.calls_per_minute}."
    return (
        f"Exotel refused calls again and again (429), so {allowed} requests a minute are made for now, not "
        f"{account.calls_per_minute}. More are tried by themselves after quiet minutes."
    )
