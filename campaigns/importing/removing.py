"""People leave a list: the import that brought them is undone, or a file replaces whoever it does not name.

Whoever was called stays with a flag and a mark (`Contact.kept`), and no campaign calls them again until a file names
them. So does whoever refused, until a file says what they want now. Whoever waits in a campaign's line without ever
having been dialled leaves it, unless the campaign has them through another of its lists too. In chunks, each with its
cursor in one transaction, so that a kill repeats and loses nothing. An undo goes over the list twice: who came with the
import must be gone before others get their numbers back.
"""

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from campaigns import audit, off_list
from campaigns.audit import DIALER, Actor
from campaigns.importing import giving_back, lines, uploads
from campaigns.importing.chunks import Stride
from campaigns.lifecycle import DUE_CONTACTS, IMPORT, ImportStatus, advance
from campaigns.models import CampaignContact, Contact, ContactImport, ContactList

CHUNK = 5_000
KEPT_BY_UNDO = "Kept when the import was undone: was called, or a call was tried"
KEPT_BY_REPLACE = "Kept when the list was replaced: was called, or a call was tried"


def cancel(contact_import: ContactImport, *, by: Actor) -> bool:
    """Stop or discard an import that has not ended; who came in before stays. False if it had ended."""
    if uploads.discard(contact_import, by=by):
        return True
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
        fresh = {"leaving": 0, "cursor": 0, "undone": 0, "kept": 0, "restoring": False, "tried_at": None}
        begun = advance(rows, IMPORT, ImportStatus.UNDOING, field="status", **fresh)
        if begun:
            audit.record(by, "undo import", f"list:{contact_import.contact_list_id}", file=contact_import.file_name)
    return bool(begun)


def undo_all(import_id: int, chunk: int = CHUNK) -> None:
    """Take back an import that is *undoing*, or finish what a dead process left. The caller holds the import's lock."""
    _in_chunks(partial(_undo_chunk, import_id), chunk)
    _in_chunks(partial(_give_back_chunk, import_id), chunk)
    while _give_back_the_rest(import_id):
        pass
    with transaction.atomic():
        rows = ContactImport.objects.filter(pk=import_id)
        if advance(rows, IMPORT, ImportStatus.UNDONE, field="status", finished_at=timezone.now()):
            job = rows.get()
            _forget_columns(job.contact_list_id)
            audit.record(DIALER, "import undone", f"list:{job.contact_list_id}", removed=job.undone, kept=job.kept)


def remove_the_others(job: ContactImport, chunk: int = CHUNK) -> None:
    """Remove whoever an import that replaces the list has neither brought nor changed; ends early if cancelled."""
    _in_chunks(partial(_replace_chunk, job.pk), chunk)


def _in_chunks(step: Callable[[int], bool], most: int) -> None:
    """Until nobody is left; a chunk is short enough for a progress bar that moves each second."""
    stride, began = Stride(most), time.monotonic()
    while step(stride.rows):
        now = time.monotonic()
        stride.took(stride.rows, now - began)
        began = now


def _undo_chunk(import_id: int, size: int) -> bool:
    with transaction.atomic():
        job, people = _next(import_id, ImportStatus.UNDOING, size)
        if job is None or job.restoring:
            return False
        if not people:
            ContactImport.objects.filter(pk=import_id).update(restoring=True, cursor=0)
            return False
        theirs = [one for one in people if one.contact_import_id == import_id]
        gone, kept = remove(job.contact_list_id, [one.pk for one in theirs if one.changed_by is None], KEPT_BY_UNDO)
        named_later = sum(one.changed_by is not None for one in theirs)
        _count(import_id, people, undone=F("undone") + gone, kept=F("kept") + kept + named_later)
    return True


def _give_back_chunk(import_id: int, size: int) -> bool:
    with transaction.atomic():
        job, people = _next(import_id, ImportStatus.UNDOING, size)
        if job is None or not people:
            return False
        restored = giving_back.restore(job, [one.pk for one in people if one.changed_by == import_id])
        _count(import_id, people, undone=F("undone") + restored)
    return True


def _give_back_the_rest(import_id: int) -> bool:
    with transaction.atomic():
        job, _ = _next(import_id, ImportStatus.UNDOING, 0)
        found = job and giving_back.restore_the_rest(job)
        if not found:
            return False
        restored, kept = found
        ContactImport.objects.filter(pk=import_id).update(undone=F("undone") + restored, kept=F("kept") + kept)
    return True


def _replace_chunk(import_id: int, size: int) -> bool:
    with transaction.atomic():
        job, people = _next(import_id, ImportStatus.RUNNING, size)
        if job is None or not people:
            return False
        others = [one.pk for one in people if import_id not in (one.contact_import_id, one.changed_by)]
        gone, kept = remove(job.contact_list_id, others, KEPT_BY_REPLACE)
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


# Who did not want to be called stays so that it is known: else the next file that says nothing of it brings them back.
_LEAVE_THE_LIST = """
    DELETE FROM campaigns_contact AS person WHERE id = ANY(%(people)s)
        AND %(why)s <> %(refused)s AND NOT (kept AND flag = %(refused)s)
        AND NOT EXISTS (SELECT FROM campaigns_campaigncontact AS enrolled WHERE enrolled.contact_id = person.id)"""
# Who did not want to be called goes on saying so: see storing.
_STAY = """
    UPDATE campaigns_contact SET kept = true, flag = CASE WHEN kept AND flag = %(refused)s THEN flag ELSE %(why)s END
    WHERE id = ANY(%(people)s)"""


def remove(list_id: int, people: list[int], why: str) -> tuple[int, int]:
    """People (ids) leave a list that is locked: (how many left, how many stay because of a call and say why)."""
    if not people:
        return 0, 0
    if why != off_list.REFUSED:  # who does not want to be called is not handed over either
        lines.hand_over(list_id, people)
    lines.leave(people)
    values: dict[str, Any] = {"people": people, "why": why, "refused": off_list.REFUSED}
    with connection.cursor() as cursor:
        cursor.execute(_LEAVE_THE_LIST, values)
        gone: int = cursor.rowcount
        cursor.execute(_STAY, values)
        stay = cursor.rowcount
    off_list.skip(CampaignContact.objects.filter(contact__in=people, state__in=DUE_CONTACTS))
    return gone, stay


def _forget_columns(list_id: int) -> None:
    """Of a list without anybody on it."""
    if not Contact.objects.filter(contact_list=list_id).exists():
        ContactList.objects.filter(pk=list_id).update(columns=[], types={})
