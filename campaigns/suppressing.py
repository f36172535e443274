"""The do-not-call list: whoever stands on it is not called, from the moment of the commit."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.db.models import QuerySet

from campaigns import audit
from campaigns.audit import Actor
from campaigns.importing import phones
from campaigns.importing.phones import Phone, Rejected
from campaigns.models import Contact, Pacer, Suppression
from campaigns.refusals import NotAllowed

CHUNK = 2_000  # people whose numbers are added at once: no intent is written meanwhile


def read_numbers(texts: Iterable[str], region: str) -> list[str]:
    """Numbers as people write them, in E.164. Raises NotAllowed naming each that cannot be read; none is taken then."""
    texts = list(texts)
    found = [phones.normalise(text, region) for text in texts]
    wrong = [f"“{text}”: {one.reason}" for text, one in zip(texts, found, strict=True) if isinstance(one, Rejected)]
    if wrong:
        raise NotAllowed(*wrong)
    return [one.e164 for one in found if isinstance(one, Phone)]


def suppress(phones: Iterable[str], *, reason: str, by: Actor, source: str = "operator") -> int:
    """Add numbers (E.164); returns how many were new. After the commit no intent for them can be granted.

    Takes the pacers' locks first, as every intent does: an intent that is being written is either seen to its end
    before this commits, or sees the suppression.
    """
    reason = reason[:200]
    rows = [Suppression(phone=phone, reason=reason, source=source, added_by=by.user) for phone in sorted(set(phones))]
    with transaction.atomic():
        _lock_pacers()
        before = Suppression.objects.filter(phone__in=[row.phone for row in rows]).count()
        Suppression.objects.bulk_create(rows, ignore_conflicts=True)
        added = len(rows) - before
        audit.record(by, "suppress", "do-not-call", added=added, reason=reason, source=source)
    return added


@dataclass(frozen=True)
class Added:
    """How many people were gone through, and how many of their numbers were not on the list yet."""

    people: int
    new: int


def suppress_people(people: QuerySet[Contact], *, reason: str, by: Actor, subject: str, **details: object) -> Added:
    """Add the numbers of `people`, who are of one list, each chunk as `suppress` does. A second run ends a broken one.

    In chunks, as nobody is dialled while one is written. `subject` and `details` say in the audit who they are; it is
    written before the first chunk and after the last.
    """
    audit.record(by, "suppress people", subject, reason=reason[:200], **details)
    seen = new = last = 0
    while True:
        chunk: Any = people.filter(pk__gt=last).order_by("contact_list", "pk").values("pk", "phone")[:CHUNK]
        count, added, last = _suppress_chunk(chunk, reason[:200], by)
        seen, new = seen + count, new + added
        if count < CHUNK:
            break
    audit.record(by, "suppress", "do-not-call", added=new, reason=reason[:200], source="operator", people_of=subject)
    return Added(seen, new)


_SUPPRESS = """
    WITH new AS (
        INSERT INTO campaigns_suppression (phone, reason, source, added_at, added_by_id)
        SELECT DISTINCT phone, %s, 'operator', now(), %s::bigint FROM unnest(%s::text[]) AS given (phone) ORDER BY phone
        ON CONFLICT (phone) DO NOTHING RETURNING 1)
    SELECT count(*) FROM new"""


def _suppress_chunk(people: QuerySet[Any, Any], reason: str, by: Actor) -> tuple[int, int, int]:
    """(people, numbers that are new, id of the last of them)"""
    found = list(people)  # first: to find a few of a million takes seconds, in which others shall be dialled
    if not found:
        return 0, 0, 0
    with transaction.atomic(), connection.cursor() as cursor:
        _lock_pacers()
        cursor.execute(_SUPPRESS, [reason, by.user.pk if by.user else None, [one["phone"] for one in found]])
        (new,) = cursor.fetchone()
    return len(found), new, found[-1]["pk"]


def _lock_pacers() -> None:
    list(Pacer.objects.select_for_update().order_by("pk").values_list("pk"))


def unsuppress(phones: Iterable[str], *, by: Actor) -> int:
    """Take numbers off the list; returns how many stood on it."""
    with transaction.atomic():
        removed, _ = Suppression.objects.filter(phone__in=set(phones)).delete()
        audit.record(by, "unsuppress", "do-not-call", removed=removed)
    return removed
