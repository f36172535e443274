"""Which bytes a Range header asks for, held against slices of a list."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.recordings.ranges import Span, Unsatisfiable, read_range

sizes = st.integers(1, 300)
places = st.integers(0, 400)


def asked(header: str | None, size: int) -> bytes | None:
    """The bytes that would be sent of a file of that size; None for 416."""
    file = bytes(place % 251 for place in range(size))
    try:
        span = read_range(header, size)
    except Unsatisfiable:
        return None
    return file if span is None else file[span.first : span.first + span.length]


def model(first: int | None, last: int | None, size: int) -> bytes | None:
    """The same by plain slicing."""
    file = bytes(place % 251 for place in range(size))
    found = (
        (file[-last:] if last else b"") if first is None else file[first:] if last is None else file[first : last + 1]
    )
    return found or None


@given(sizes, places, st.none() | places)
def test_a_range_is_the_slice_that_it_names(size: int, first: int, more: int | None) -> None:
    last = None if more is None else first + more
    assert asked(f"bytes={first}-{'' if last is None else last}", size) == model(first, last, size)


@given(sizes, places)
def test_a_suffix_is_the_end_of_the_file(size: int, length: int) -> None:
    assert asked(f"bytes=-{length}", size) == model(None, length, size)


@given(sizes, st.text(max_size=30) | st.from_regex(r"bytes=[0-9,\- ]{0,20}", fullmatch=True))
def test_any_header_gives_the_whole_a_part_or_416(size: int, header: str) -> None:
    file = bytes(place % 251 for place in range(size))
    found = asked(header, size)
    assert found is None or (found and found in file + file)


@pytest.mark.parametrize(
    "header",
    [None, "", "bytes=", "bytes=-", "bytes=a-b", "bytes=5-2", "items=0-1", "bytes=0-1,4-5", "bytes=-1-2", "bytes=٣-٤"],
)
def test_what_is_no_single_range_gets_the_whole_file(header: str | None) -> None:
    assert read_range(header, 10) is None


@pytest.mark.parametrize("header", ["bytes=10-", "bytes=99-100", "bytes=-0", f"bytes={'9' * 5000}-"])
def test_a_range_outside_of_the_file_cannot_be_satisfied(header: str) -> None:
    with pytest.raises(Unsatisfiable):
        read_range(header, 10)


def test_the_unit_may_be_in_capitals_and_spaces_may_stand_around() -> None:
    assert read_range("Bytes= 2-4 ", 10) == Span(2, 4)


def test_an_end_behind_the_file_is_cut() -> None:
    assert read_range(f"bytes=2-{'9' * 5000}", 10) == Span(2, 9)
