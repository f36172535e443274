"""A file is stored in chunks, each of them whole or not at all."""

import io

import psycopg
import pytest

from campaigns.importing import chunks, loading, reading, storing
from campaigns.importing.loading import Counts
from campaigns.importing.people import Columns
from campaigns.models import Contact
from tests.importing.conftest import Upload

ROWS = "Name,Mobile\n" + "".join(f"P{place},90000{place:05}\n" for place in range(25))


def cut(size: int, text: str = ROWS, skip: int = 3) -> list[chunks.Chunk]:
    file = io.BytesIO(text.encode())
    shape = reading.look(file)
    columns = Columns.named(shape.header, "Mobile", "Name", "IN")
    return list(chunks.chunks(file, shape, columns, skip=skip, stride=chunks.Stride(size)))


def test_a_chunk_has_as_many_rows_as_it_may_have() -> None:
    assert [chunk.rows for chunk in cut(10)] == [10, 10, 2]
    assert [line for chunk in cut(10) for line in chunk.found.lines] == list(range(5, 27))


def test_chunks_grow_with_the_pace_of_the_machine_and_shrink_where_it_is_slow() -> None:
    stride = chunks.Stride(20_000)
    assert stride.rows == chunks.FIRST
    stride.took(4_000, 0.1)
    assert stride.rows == 12_000
    stride.took(12_000, 0.1)
    assert stride.rows == 20_000
    stride.took(20_000, 4.0)
    assert stride.rows == 1_500
    stride.took(1_500, 60.0)
    assert stride.rows == chunks.LEAST
    few = chunks.Stride(5)
    few.took(5, 0.0)
    assert few.rows == 5


def test_a_change_of_pace_in_the_middle_of_a_file_loses_no_row() -> None:
    file, stride = io.BytesIO(ROWS.encode()), chunks.Stride(10)
    shape = reading.look(file)
    columns = Columns.named(shape.header, "Mobile", "Name", "IN")
    sizes = []
    for chunk in chunks.chunks(file, shape, columns, skip=0, stride=stride):
        sizes.append(chunk.rows)
        stride.rows = 3 if len(sizes) == 1 else 8
    assert sizes == [10, 3, 8, 4]


def test_a_chunk_ends_before_its_text_grows_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("campaigns.importing.records.BLOCK", 60)
    monkeypatch.setattr(chunks, "MOST_TEXT", 1_000)
    found = cut(1_000)
    assert max(chunk.rows for chunk in found) <= 1_000 // 80  # each takes 80 characters and more
    assert [line for chunk in found for line in chunk.found.lines] == list(range(5, 27))


def test_a_chunk_of_short_rows_under_many_long_headings_is_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "MOST_TEXT", 500_000)
    names = ",".join(f"{'x' * 90} {place}" for place in range(500))
    found = cut(1_000, f"Mobile,{names}\n" + "9000000001\n" * 50, skip=0)
    assert sum(chunk.rows for chunk in found) == 50
    assert max(sum(map(len, chunk.found.staged)) for chunk in found) < 600_000


@pytest.mark.django_db
def test_a_number_that_somebody_adds_at_the_last_moment_undoes_its_chunk_which_is_done_again(
    upload: Upload, monkeypatch: pytest.MonkeyPatch
) -> None:
    contact_import = upload(ROWS)
    Contact.objects.create(contact_list=contact_import.contact_list, phone="+919000000007")
    with monkeypatch.context() as patch:
        patch.setattr(storing, "_KNOWN", "SELECT NULL, true WHERE %s = '' AND %s = 0")
        with pytest.raises(psycopg.errors.UniqueViolation):
            loading.run(contact_import.pk, chunk_rows=5)
    contact_import.refresh_from_db()
    assert (contact_import.rows, Contact.objects.count()) == (5, 6)
    assert loading.run(contact_import.pk) == Counts(rows=25, imported=24, duplicates=1, rejected=0)
