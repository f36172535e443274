"""An uploaded file that looks wrong is read another way before it is imported: another encoding, another sheet."""

import codecs
from collections.abc import Mapping, Sequence
from typing import BinaryIO, cast

from django.core.files import File

from campaigns.importing import reading, uploads, workbooks
from campaigns.importing.reading import ENCODINGS, HEAD_BYTES, NotACsv, Shape
from campaigns.lifecycle import ImportStatus
from campaigns.models import ContactImport

SAYS_ITSELF = ("utf-8-sig", "utf-16", "utf-32")  # by a byte order mark, or by half of its bytes
BEGUN = "This file is being imported already, as it was read before."


def encoding_name(encoding: str) -> str:
    """What people call it."""
    family = next((one for one in ("utf-8", "utf-16") if encoding.startswith(one)), encoding)
    return ENCODINGS.get(family, encoding.upper())


def encodings(contact_import: ContactImport) -> Mapping[str, str]:
    """Those that may be chosen, with their names; none where there is no doubt: a file that says its own, a sheet."""
    if contact_import.sheet or contact_import.encoding.startswith(SAYS_ITSELF):
        return {}
    return {name: label for name, label in ENCODINGS.items() if not name.startswith(SAYS_ITSELF)}


def sheets(contact_import: ContactImport) -> Sequence[str]:
    """Those that may be chosen; none where there is but one."""
    return contact_import.sheets if contact_import.workbook else ()


def read_in(contact_import: ContactImport, encoding: str) -> None:
    """From now on the file is read in this encoding. Raises NotACsv, and then it stays as it was."""
    if encoding not in encodings(contact_import):
        raise NotACsv(f"“{encoding[:40]}” is none of the encodings that this file can be read in.")
    with uploads.opened(contact_import) as (file, before):
        if (lost := _lost(file, encoding)) > _lost(file, before.encoding):
            characters = "1 character" if lost == 1 else f"{lost:,} characters"
            raise NotACsv(
                f"Read as {encoding_name(encoding)}, {characters} of its first lines would be lost. "
                f"It stays {encoding_name(before.encoding)}."
            )
        shape = reading.look(file, encoding)
        reading.check(file, shape)
    _store(contact_import, shape)


def _lost(file: BinaryIO, encoding: str) -> int:
    """How many characters of its head cannot be read so."""
    file.seek(0)
    head = file.read(HEAD_BYTES)
    # a character that the head cuts in two is not lost
    return codecs.getincrementaldecoder(encoding)("replace").decode(head).count("\ufffd")


def take_sheet(contact_import: ContactImport, sheet: str) -> None:
    """From now on the people of this sheet are imported. Raises NotACsv, and then it stays as it was."""
    if sheet not in sheets(contact_import):
        raise NotACsv(f"The workbook has no sheet “{sheet[:40]}”.")
    try:
        stored = contact_import.workbook.storage.open(str(contact_import.workbook.name), "rb")
    except FileNotFoundError as error:
        raise NotACsv(uploads.LOST) from error
    with stored, workbooks.as_text(cast("BinaryIO", stored.file), sheet) as text:
        shape = reading.look(text.file)
        reading.check(text.file, shape)
        _exchange(contact_import, text.file, shape, sheet)


def _exchange(contact_import: ContactImport, file: BinaryIO, shape: Shape, sheet: str) -> None:
    """Another file takes the place of the one before."""
    digest = uploads.digest(file)
    before, storage = str(contact_import.file.name), contact_import.file.storage
    file.seek(0)
    book = contact_import.file_name.removesuffix(workbooks.named("", contact_import.sheet))
    contact_import.file.save(uploads.stored_name(), File(file), save=False)
    name = str(contact_import.file.name)
    given_name = workbooks.named(book, sheet)[-255:]
    changes = {"file": name, "file_name": given_name, "digest": digest, "sheet": sheet, "size": storage.size(name)}
    try:
        _store(contact_import, shape, **changes)
    except NotACsv:
        storage.delete(name)
        raise
    storage.delete(before)


def _store(contact_import: ContactImport, shape: Shape, **changes: object) -> None:
    """Only while its columns are being chosen: a worker may read it from then on."""
    waiting = ContactImport.objects.filter(pk=contact_import.pk, status=ImportStatus.UPLOADED)
    seen = {"encoding": shape.encoding, "delimiter": shape.delimiter, "header": list(shape.header)}
    if not waiting.update(**seen, **changes):
        raise NotACsv(BEGUN)
