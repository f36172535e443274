"""What is kept of the last calls outside the database: two places, either of which may be lost, garbled or behind."""

import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import redis
from django.conf import settings
from django.test import override_settings
from hypothesis import given
from hypothesis import strategies as st

from campaigns import witness
from campaigns.witness import Keeper, Mark
from tests.dialing.driving import until

AT = datetime(2026, 11, 21, 5, 30, 7, 123456, tzinfo=UTC)
NOBODYS_REDIS = "redis://127.0.0.1:9/0"
NAMED = uuid.UUID("0d6ad8cc-4b8b-41f3-a4f8-6ddb3e3c0f11")


def mark(attempt: int, owner: int = 7) -> Mark:
    return Mark(attempt, owner, AT, AT + timedelta(seconds=355))


def file_of(key: uuid.UUID) -> Path:
    return Path(settings.WITNESS_DIR) / f"{key}.txt"


@pytest.fixture
def server() -> Iterator[redis.Redis]:
    one = redis.Redis.from_url(settings.REDIS_URL, decode_responses=True)
    yield one
    one.close()


@pytest.fixture
def key(server: redis.Redis) -> Iterator[uuid.UUID]:
    """An installation that nobody else in this run is."""
    one = uuid.uuid4()
    yield one
    server.delete(f"dialer:witness:{one}")


def in_redis(key: uuid.UUID) -> str:
    return f"dialer:witness:{key}"


def test_what_was_kept_is_read_with_the_microsecond(key: uuid.UUID) -> None:
    assert witness.keep(key, {3: mark(41)}).certain
    assert witness.read(key).marks == {3: mark(41)}


def test_the_file_alone_is_enough(key: uuid.UUID, server: redis.Redis) -> None:
    witness.keep(key, {3: mark(41)})
    server.delete(in_redis(key))
    assert witness.read(key) == witness.Known({3: mark(41)}, certain=True)


def test_redis_alone_is_enough(key: uuid.UUID) -> None:
    witness.keep(key, {3: mark(41)})
    file_of(key).unlink()
    assert witness.read(key).marks == {3: mark(41)}


def test_with_both_lost_nothing_is_known(key: uuid.UUID, server: redis.Redis) -> None:
    witness.keep(key, {3: mark(41)})
    server.delete(in_redis(key))
    file_of(key).unlink()
    assert witness.read(key) == witness.Known({}, certain=True)


def test_a_redis_that_is_away_leaves_the_file_and_a_doubt(key: uuid.UUID) -> None:
    witness.keep(key, {3: mark(41)})
    with override_settings(REDIS_URL=NOBODYS_REDIS):
        assert witness.keep(key, {3: mark(42)}).certain  # the file took it
        assert witness.read(key) == witness.Known({3: mark(42)}, certain=False)
    assert witness.read(key).marks[3].attempt == 42


def test_the_higher_of_two_marks_is_believed_wherever_it_is(key: uuid.UUID) -> None:
    witness.keep(key, {3: mark(41)})
    with override_settings(WITNESS_DIR=Path(settings.WITNESS_DIR) / "elsewhere"):
        witness.keep(key, {3: mark(50)})  # another machine, the same Redis
    assert witness.read(key).marks[3].attempt == 50


def test_a_loop_that_wakes_up_with_an_old_mark_lowers_nothing(key: uuid.UUID) -> None:
    witness.keep(key, {3: mark(50)})
    assert witness.keep(key, {3: mark(41)}).marks[3].attempt == 50
    assert witness.read(key).marks[3].attempt == 50


def test_accounts_do_not_touch_each_other(key: uuid.UUID) -> None:
    witness.keep(key, {3: mark(50)})
    witness.keep(key, {4: mark(51, owner=8)})
    assert witness.read(key).marks == {3: mark(50), 4: mark(51, owner=8)}


def test_what_must_be_over_by_then_is_not_forgotten_with_a_shorter_call() -> None:
    long, short = mark(50), replace(mark(51), over=AT + timedelta(seconds=60))
    assert witness.merged({3: long}, {3: short}) == {3: replace(short, over=long.over)}


@pytest.mark.parametrize(
    "garbage",
    ["", "\0\0\0\0", "3 99999 7", "not a file of ours\n" * 3, "\ud83d"],
    ids=["empty", "zeros", "half a line", "words", "half a character"],
)
def test_garbage_in_the_file_is_no_mark_and_the_next_write_mends_it(
    key: uuid.UUID, server: redis.Redis, garbage: str
) -> None:
    witness.keep(key, {3: mark(41)})
    file_of(key).write_bytes(garbage.encode("utf-8", "surrogatepass"))
    assert witness.read(key).marks == {3: mark(41)}  # Redis still has it
    server.delete(in_redis(key))
    assert witness.read(key).marks == {}
    witness.keep(key, {3: mark(42)})
    server.delete(in_redis(key))
    assert witness.read(key).marks == {3: mark(42)}


def test_one_bad_line_spoils_no_other(key: uuid.UUID, server: redis.Redis) -> None:
    witness.keep(key, {3: mark(41), 4: mark(40)})
    server.delete(in_redis(key))
    file_of(key).write_text(file_of(key).read_text().replace("3 41 ", "3 99999999 "))
    assert witness.read(key).marks == {4: mark(40)}


@pytest.mark.parametrize("garbage", ["999999999 rest", "", "x", "1e400 nan"])
def test_garbage_in_redis_is_no_mark_and_the_next_write_mends_it(
    key: uuid.UUID, server: redis.Redis, garbage: str
) -> None:
    server.hset(in_redis(key), mapping={"3": garbage, "four": garbage})
    assert witness.read(key).marks == {}
    witness.keep(key, {3: mark(41)})
    file_of(key).unlink()
    assert witness.read(key).marks == {3: mark(41)}


def test_a_key_of_another_kind_in_redis_is_as_good_as_no_redis(key: uuid.UUID, server: redis.Redis) -> None:
    server.set(in_redis(key), "nonsense")
    assert witness.keep(key, {3: mark(41)}).certain
    assert witness.read(key) == witness.Known({3: mark(41)}, certain=False)


def test_a_mark_of_another_installation_or_account_is_none_of_ours(key: uuid.UUID) -> None:
    line = witness.written(key, 3, mark(41))
    assert witness.understood(key, 3, line) == mark(41)
    assert witness.understood(key, 4, line) is None
    assert witness.understood(NAMED, 3, line) is None


@given(st.text())
def test_any_text_is_read_without_an_error_and_believed_only_with_its_sum(text: str) -> None:
    assert witness.understood(NAMED, 3, text) is None


def test_a_folder_that_cannot_be_written_leaves_redis(key: uuid.UUID, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with override_settings(WITNESS_DIR=tmp_path / "file" / "witness"):
        assert witness.keep(key, {3: mark(41)}).certain
        assert witness.read(key).marks == {3: mark(41)}
        with override_settings(REDIS_URL=NOBODYS_REDIS):
            assert not witness.keep(key, {3: mark(42)}).certain


def test_the_file_is_for_its_owner_only(key: uuid.UUID) -> None:
    witness.keep(key, {3: mark(41)})
    assert file_of(key).stat().st_mode & 0o077 == 0


def test_a_loop_leaves_its_last_call_behind_when_it_ends(key: uuid.UUID) -> None:
    with Keeper(key, 3) as keeper:
        keeper.saw(41, 7, lasts=355)
        keeper.saw(44, 7, lasts=355)
        assert keeper.floor == 44
    left = witness.read(key).marks[3]
    assert (left.attempt, left.owner) == (44, 7)
    assert left.over - left.at == timedelta(seconds=355)


def test_a_loop_knows_within_a_second_what_other_loops_have_seen(
    key: uuid.UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(witness, "EVERY", 0.01)
    with Keeper(key, 3) as keeper:
        witness.keep(key, {4: mark(60)})
        assert until(lambda: keeper.floor == 60, 10)


def test_an_emptied_redis_is_filled_again_while_nobody_is_called(
    key: uuid.UUID, server: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(witness, "EVERY", 0.01)
    witness.keep(key, {3: mark(41), 4: mark(60)})
    with Keeper(key, 3):
        server.delete(in_redis(key))
        assert until(lambda: server.hlen(in_redis(key)) == 2, 10)
    assert set(witness.read(key).marks) == {3, 4}
