"""People leave a list: the import that brought them is undone, or a file replaces whoever it does not name.

Whoever was called stays with a flag and a mark (`Contact.kept`), and no campaign calls them again until a file names
them. Whoever waits in a campaign's line without ever having been dialled leaves it. In chunks, each with its cursor in
one transaction, so that a kill repeats and loses nothing.
"""

from collections.abc import Sequence
from typing import Any

from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from campaigns import audit, off_list
from campaigns.audit import DIALER, Actor
from campaigns.lifecycle import DUE_CONTACTS, IMPORT, ImportStatus, advance
from campaigns.models import CampaignContact, Contact, ContactImport, ContactList

CHUNK = 5_000
KEPT_BY_UNDO = "Kept when the import was undone: was called, or a call was tried"
KEPT_BY_REPLACE = "Kept when the list was replaced: was called, or a call was tried"


def cancel(contact_import: ContactImport, *, by: Actor) -> bool:
    """Stop or discard an import that has not ended; who came in before stays. False if it had ended."""
    with transaction.atomic():
        rows = ContactImport.objects.filter(pk=contact_import.pk)
        cancelled = advance(rows, IMPORT, ImportStatus.CANCELLED, field="status", finished_at=timezone.now())
        if cancelled:
            audit.record(by, "cancel import", f"list:{contact_import.contact_list_id}", file=contact_import.file_name)
    return bool(cancelled)


def undo(contact_import: ContactImport, *, by: Actor) -> bool:
    """Let a worker take back what an ended import did; False if it runs, or was undone already."""
    with transaction.atomic():
        rows = ContactImport.objects.filter(pk=contact_import.pk)
        fresh = {"cursor": 0, "undone": 0, "kept": 0}
        begun = advance(rows, IMPORT, ImportStatus.UNDOING, field="status", **fresh)
        if begun:
            audit.record(by, "undo import", f"list:{contact_import.contact_list_id}", file=contact_import.file_name)
    return bool(begun)


def undo_all(import_id: int, chunk: int = CHUNK) -> None:
    """Take back an import that is *undoing*, or finish what a dead process left. The caller holds the import's lock."""
    while _undo_chunk(import_id, chunk):
        pass
    with transaction.atomic():
        rows = ContactImport.objects.filter(pk=import_id)
        if advance(rows, IMPORT, ImportStatus.UNDONE, field="status", finished_at=timezone.now()):
            job = rows.get()
            _forget_columns(job.contact_list_id)
            audit.record(DIALER, "import undone", f"list:{job.contact_list_id}", removed=job.undone, kept=job.kept)


def remove_the_others(job: ContactImport, chunk: int = CHUNK) -> None:
    """Remove whoever an import that replaces the list has neither brought nor changed; ends early if cancelled."""
    while _replace_chunk(job.pk, chunk):
        pass


def _undo_chunk(import_id: int, size: int) -> bool:
    with transaction.atomic():
        job, people = _next(import_id, ImportStatus.UNDOING, size)
        if job is None or not people:
            return False
        restored = _restore(import_id, [one.pk for one in people if one.changed_by == import_id])
        theirs = [one for one in people if one.contact_import_id == import_id]
        gone, kept = _remove([one.pk for one in theirs if one.changed_by is None], KEPT_BY_UNDO)
        named_later = sum(one.changed_by is not None for one in theirs)
        _count(import_id, people, undone=F("undone") + gone + restored, kept=F("kept") + kept + named_later)
    return True


def _replace_chunk(import_id: int, size: int) -> bool:
    with transaction.atomic():
        job, people = _next(import_id, ImportStatus.RUNNING, size)
        if job is None or not people:
            return False
        others = [one.pk for one in people if import_id not in (one.contact_import_id, one.changed_by)]
        gone, kept = _remove(others, KEPT_BY_REPLACE)
        _count(import_id, people, removed=F("removed") + gone, kept=F("kept") + kept)
    return True


def _next(import_id: int, status: ImportStatus, size: int) -> tuple[ContactImport | None, Sequence[Contact]]:
    """The next people of the import's list, which is locked first, as by every chunk that is imported."""
    list_id = ContactImport.objects.values_list("contact_list_id", flat=True).get(pk=import_id)
    ContactList.objects.select_for_update(no_key=True).get(pk=list_id)
    job = ContactImport.objects.select_for_update().filter(pk=import_id, status=status).first()
    if job is None:
        return None, []
    same = {"contact_list_id__gte": list_id, "contact_list_id__lte": list_id}  # a range of one: see enrolling
    people = Contact.objects.filter(**same, pk__gt=job.cursor).order_by("contact_list_id", "pk")
    return job, list(people.only("pk", "contact_import_id", "changed_by")[:size])


def _count(import_id: int, people: Sequence[Contact], **changes: Any) -> None:
    ContactImport.objects.filter(pk=import_id).update(cursor=people[-1].pk, **changes)


# Who is in line and was never dialled goes first; who was dialled is what still refers to a contact then. A call that
# settles meanwhile waits for the lock and then sees the mark: see outcomes.
_LOCK_THE_LINE = """
    SELECT id FROM campaigns_campaigncontact WHERE contact_id = ANY(%(people)s) ORDER BY id FOR NO KEY UPDATE"""
_LEAVE_THE_LINE = """
    DELETE FROM campaigns_campaigncontact AS waiting WHERE contact_id = ANY(%(people)s)
        AND state = 'pending' AND tries = 0
        AND NOT EXISTS (SELECT FROM campaigns_callattempt AS call WHERE call.campaign_contact_id = waiting.id)"""
_FORGET_THE_SKIPPED = """
    UPDATE campaigns_campaigncontact SET contact_id = NULL
    WHERE contact_id = ANY(%(people)s) AND state = 'skipped' AND tries = 0"""
_LEAVE_THE_LIST = """
    DELETE FROM campaigns_contact AS person WHERE id = ANY(%(people)s)
        AND NOT EXISTS (SELECT FROM campaigns_campaigncontact AS enrolled WHERE enrolled.contact_id = person.id)"""
_STAY = "UPDATE campaigns_contact SET flag = %(why)s, kept = true WHERE id = ANY(%(people)s)"


def _remove(people: Sequence[int], why: str) -> tuple[int, int]:
    """(how many left, how many stay and say why)."""
    if not people:
        return 0, 0
    values: dict[str, Any] = {"people": list(people), "why": why}
    with connection.cursor() as cursor:
        cursor.execute(_LOCK_THE_LINE, values)
        cursor.execute(_LEAVE_THE_LINE, values)
        cursor.execute(_FORGET_THE_SKIPPED, values)
        cursor.execute(_LEAVE_THE_LIST, values)
        gone: int = cursor.rowcount
        cursor.execute(_STAY, values)
        stay = cursor.rowcount
    off_list.skip(CampaignContact.objects.filter(contact__in=people, state__in=DUE_CONTACTS))
    return gone, stay


# A number that somebody else on the list has meanwhile is not taken from them.
_RESTORE = """
    UPDATE campaigns_contact AS person SET
        phone = CASE WHEN taken.yes THEN person.phone ELSE before->>'phone' END,
        name = before->>'name', time_zone = before->>'time_zone', variables = before->'variables',
        alternatives = before->'alternatives', language = before->>'language', external_id = before->>'external_id',
        consent = before->>'consent', flag = before->>'flag', line = (before->>'line')::int,
        kept = coalesce((before->>'kept')::boolean, false), changed_by = (before->>'changed_by')::bigint, before = NULL
    FROM (SELECT id, EXISTS (SELECT FROM campaigns_contact AS other
                WHERE other.contact_list_id = one.contact_list_id AND other.phone = one.before->>'phone'
                    AND other.id <> one.id) AS yes
            FROM campaigns_contact AS one WHERE id = ANY(%(people)s)) AS taken
    WHERE person.id = taken.id AND person.changed_by = %(import)s AND before IS NOT NULL"""


_FORGET_THE_NAMED = """
    UPDATE campaigns_contact SET changed_by = NULL
    WHERE id = ANY(%(people)s) AND changed_by = %(import)s AND before IS NULL"""


def _restore(import_id: int, people: Sequence[int]) -> int:
    """Give people back what the import has replaced; how many."""
    if not people:
        return 0
    with connection.cursor() as cursor:
        values: dict[str, Any] = {"people": list(people), "import": import_id}
        cursor.execute(_RESTORE, values)
        restored: int = cursor.rowcount
        cursor.execute(_FORGET_THE_NAMED, values)
    return restored


def _forget_columns(list_id: int) -> None:
    """Of a list without anybody on it."""
    if not Contact.objects.filter(contact_list=list_id).exists():
        ContactList.objects.filter(pk=list_id).update(columns=[], types={})
