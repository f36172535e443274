"""A file arrives: it is looked through, stored under a name nobody can guess, and waits for its columns."""

import hashlib
import secrets
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import PurePath
from typing import BinaryIO, cast

from django.core.files import File
from django.db import IntegrityError, transaction
from django.utils import timezone

from campaigns import audit
from campaigns.audit import Actor
from campaigns.importing import phones, reading, workbooks
from campaigns.importing.options import Options
from campaigns.importing.reading import NotACsv, Shape
from campaigns.lifecycle import IMPORT, ImportStatus, advance
from campaigns.models import ContactImport, ContactList

LOST = "The uploaded file is no longer on this server. Upload it again."
MOST_SHEETS = 100  # that may be chosen from
LONGEST_SHEET_NAME = 255  # Excel's own limit is 31


class NotAList(Exception):
    """The list cannot be made or found as asked; str() is a sentence for the operator."""


@dataclass(frozen=True)
class Target:
    """Where people go: an existing list, or a new one of this name and region (ISO 3166)."""

    name: str
    region: str = "IN"
    existing: ContactList | None = None


def receive(upload: "File[bytes]", target: Target, *, by: Actor) -> ContactImport:
    """Store an uploaded file as an import into its list (made if need be), status *uploaded*.

    Raises NotACsv when it cannot be read as rows, NotAList when the name is taken or the region unknown; then
    nothing is stored.
    """
    with workbooks.as_text(cast("BinaryIO", upload.file)) as text:
        if not text.sheet:
            return _received(upload, target, by, None)
        sheet = File(text.file, name=workbooks.named(upload.name or "", text.sheet))
        names = [name for name in text.sheets if len(name) <= LONGEST_SHEET_NAME][:MOST_SHEETS]
        return _received(sheet, target, by, Book(upload, text.sheet[:LONGEST_SHEET_NAME], names))


@dataclass(frozen=True)
class Book:
    """The workbook that a file was made from, the sheet that was taken, and those that may be taken instead."""

    upload: "File[bytes]"
    sheet: str
    sheets: Sequence[str]


def _received(upload: "File[bytes]", target: Target, by: Actor, book: Book | None) -> ContactImport:
    file = cast("BinaryIO", upload.file)
    shape = reading.look(file)
    reading.check(file, shape)
    try:
        with transaction.atomic():
            return _stored(upload, shape, target, by, book)
    except IntegrityError as error:
        raise NotAList(f"A list named “{target.name}” exists already. Choose it to add to it.") from error


def digest(file: BinaryIO) -> str:
    """Its SHA-256, in hexadecimal."""
    found = hashlib.sha256()
    file.seek(0)
    while block := file.read(1 << 20):
        found.update(block)
    return found.hexdigest()


def same_file(contact_import: ContactImport) -> ContactImport | None:
    """The last other import of the very same file that was not discarded or undone; None if there is none."""
    same = ContactImport.objects.filter(digest=contact_import.digest, status__in=_WENT_IN).exclude(pk=contact_import.pk)
    return same.select_related("contact_list").order_by("-pk").first() if contact_import.digest else None


_WENT_IN = (ImportStatus.QUEUED, ImportStatus.RUNNING, ImportStatus.DONE)


def _stored(upload: "File[bytes]", shape: Shape, target: Target, by: Actor, book: Book | None) -> ContactImport:
    given_name = PurePath((upload.name or "list.csv").replace("\\", "/")).name[-255:]
    contact_import = ContactImport(
        contact_list=target.existing or _new_list(target, by),
        file_name=given_name,
        size=upload.size,
        digest=digest(cast("BinaryIO", upload.file)),
        encoding=shape.encoding,
        delimiter=shape.delimiter,
        header=list(shape.header),
        created_by=by.user,
    )
    upload.seek(0)
    contact_import.file.save(stored_name(), upload, save=False)
    with ExitStack() as failed:
        failed.callback(contact_import.file.delete, save=False)
        if book:
            contact_import.sheet, contact_import.sheets = book.sheet, list(book.sheets)
        if book and len(book.sheets) > 1:
            contact_import.workbook.save(stored_name("xlsx"), book.upload, save=False)
            failed.callback(contact_import.workbook.delete, save=False)
        contact_import.save()
        audit.record(by, "upload", f"list:{contact_import.contact_list_id}", file=given_name, size=upload.size)
        failed.pop_all()
    return contact_import


def stored_name(kind: str = "csv") -> str:
    """A name that nobody can guess."""
    return f"{secrets.token_urlsafe(24)}.{kind}"


def forget_workbook(contact_import: ContactImport) -> None:
    """Its other sheets are wanted no more."""
    if contact_import.workbook:
        ContactImport.objects.filter(pk=contact_import.pk).update(workbook="")
        contact_import.workbook.delete(save=False)


def _new_list(target: Target, by: Actor) -> ContactList:
    if not phones.is_region(target.region):
        raise NotAList(f"“{target.region}” is not a country code that Dialer knows. India is IN, Singapore is SG.")
    return ContactList.objects.create(name=target.name, region=target.region, created_by=by.user)


def queue(
    contact_import: ContactImport,
    phone_column: str,
    name_column: str,
    options: Options | None = None,
    *,
    by: Actor,
    name: str = "",
) -> bool:
    """Take the chosen columns and let a worker import the file; False when that was done before.

    Raises ValueError for a column that the file does not have.
    """
    options = options or Options()
    for column in filter(None, (phone_column, name_column, *options.columns())):
        contact_import.header.index(column)
    waiting = ContactImport.objects.filter(pk=contact_import.pk, status=ImportStatus.UPLOADED)
    with transaction.atomic():
        changes = {"phone_column": phone_column, "name_column": name_column, "options": options.stored(), "name": name}
        moved = advance(waiting, IMPORT, ImportStatus.QUEUED, field="status", **changes)
        if moved:
            subject, file = f"list:{contact_import.contact_list_id}", contact_import.file_name
            audit.record(by, "import", subject, file=file, how=options.how)
            transaction.on_commit(lambda: forget_workbook(contact_import))
    return bool(moved)


def discard(contact_import: ContactImport, *, by: Actor) -> bool:
    """Forget an upload that waits for its columns: its file, and its list if that was made for it. False if it is more.

    Only who uploaded what and that it was discarded stays, in the audit log.
    """
    rows = ContactImport.objects.filter(pk=contact_import.pk, status=ImportStatus.UPLOADED)
    with transaction.atomic():
        job = rows.select_for_update().first()
        if job is None:
            return False
        nothing = {"file": "", "workbook": "", "sheets": []}
        advance(rows, IMPORT, ImportStatus.CANCELLED, field="status", finished_at=timezone.now(), **nothing)
        audit.record(by, "cancel import", f"list:{job.contact_list_id}", file=job.file_name)
        _forget_list(job)
    for file in filter(None, (job.file, job.workbook)):
        file.storage.delete(str(file.name))
    return True


def _forget_list(discarded: ContactImport) -> None:
    """The list of a discarded upload, if nothing else has ever been done with it."""
    contact_list = ContactList.objects.select_for_update().get(pk=discarded.contact_list_id)
    nothing = ContactImport.objects.filter(status=ImportStatus.CANCELLED, rows=0)
    others = contact_list.imports.exclude(pk=discarded.pk).exclude(pk__in=nothing)
    if not (others.exists() or contact_list.contacts.exists() or contact_list.campaigns.exists()):
        contact_list.delete()


@contextmanager
def opened(contact_import: ContactImport) -> Iterator[tuple[BinaryIO, Shape]]:
    """The stored file, open for reading, and how it is written; NotACsv(LOST) when it is gone."""
    try:
        stored = contact_import.file.storage.open(str(contact_import.file.name), "rb")
    except FileNotFoundError as error:
        raise NotACsv(LOST) from error
    with stored:
        file = cast("BinaryIO", stored.file)
        yield file, reading.look(file, contact_import.encoding)
