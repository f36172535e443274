"""The servers out of wheels: what they survive, and what they leave behind."""

import os
import signal
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
import redis as redis_client

from dialer import embedded, installation


@pytest.fixture
def state_dir(tmp_path: Path) -> Path:
    folder = tmp_path / 'a "folder" with späces'
    folder.mkdir(mode=0o700)
    return folder


@pytest.fixture
def postgres(state_dir: Path) -> Iterator[embedded.Postgres]:
    service = embedded.Postgres(state_dir)
    with embedded.serving(service):
        yield service


@pytest.fixture
def redis(state_dir: Path) -> Iterator[embedded.Redis]:
    service = embedded.Redis(state_dir)
    with embedded.serving(service):
        yield service


def kill(service: embedded.Service) -> None:
    assert service.process is not None
    service.process.send_signal(signal.SIGKILL)
    service.process.wait(5)


def connect(service: embedded.Redis) -> redis_client.Redis:
    return redis_client.Redis.from_url(service.url)


def test_postgres_is_18_in_utf8_with_a_locale_of_its_own(postgres: embedded.Postgres) -> None:
    with psycopg.connect(postgres.url) as connection:
        row = connection.execute(
            "SELECT current_setting('server_version_num')::int / 10000, datlocale, pg_encoding_to_char(encoding)"
            " FROM pg_database WHERE datname = 'dialer'"
        ).fetchone()
    assert row == (18, "C.UTF-8", "UTF8")


def test_postgres_comes_back_after_kill_9_on_the_same_port_with_its_data(postgres: embedded.Postgres) -> None:
    url = postgres.url
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT generate_series(1, 2000)")
    kill(postgres)
    assert postgres.start() == url
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (2000,)


def test_postgres_wants_its_password(postgres: embedded.Postgres) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(postgres.url.replace(postgres.password, "guess"))


def test_a_second_start_finds_the_first_ones_data_and_port(state_dir: Path) -> None:
    first = embedded.Postgres(state_dir, fast=True)
    with embedded.serving(first), psycopg.connect(first.url) as connection:
        connection.execute("CREATE TABLE kept ()")
        connection.commit()
        with psycopg.connect(first.url, autocommit=True) as other:
            other.execute("CHECKPOINT")
    second = embedded.Postgres(state_dir, fast=True)
    with embedded.serving(second), psycopg.connect(second.url) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)
    assert second.url == first.url


def test_root_without_user_namespaces_drops_to_nobody_and_nobody_else_does(state_dir: Path) -> None:
    service = embedded.Postgres(state_dir, fast=True, as_nobody=True)
    if os.geteuid() != 0:
        with pytest.raises(embedded.ServiceError, match="belongs to somebody else: remove it") as refused:
            service.start()
        Path(str(refused.value).split(" belongs")[0]).rmdir()
        return
    try:
        with embedded.serving(service):
            assert service.pid is not None
            assert psutil.Process(service.pid).uids().real == 65534
            with psycopg.connect(service.url) as connection:
                assert connection.execute("SELECT 1").fetchone() == (1,)
    finally:
        service.forget()


def test_redis_comes_back_after_kill_9_on_the_same_port_with_its_data(redis: embedded.Redis) -> None:
    url = redis.url
    with connect(redis) as client:
        client.rpush("queue", *range(300))
    kill(redis)
    assert redis.start() == url
    with connect(redis) as client:
        assert client.llen("queue") == 300


def test_redis_wants_its_password(redis: embedded.Redis) -> None:
    with (
        redis_client.Redis.from_url(redis.url.replace(redis.password, "guess")) as stranger,
        pytest.raises(redis_client.AuthenticationError),
    ):
        stranger.ping()


def test_passwords_can_be_read_by_their_owner_alone(redis: embedded.Redis, state_dir: Path) -> None:
    for path in (state_dir / "redis.password", state_dir / "redis" / "redis.conf"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert redis.password not in Path(f"/proc/{redis.pid}/cmdline").read_text()


def test_a_server_that_cannot_start_shows_the_end_of_its_log(state_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "START_SECONDS", 0.5)
    service = embedded.Redis(state_dir)
    (state_dir / "redis").mkdir()
    (state_dir / "redis" / "appendonly.aof").write_bytes(b"garbage\r\n" * 10)
    with pytest.raises(embedded.ServiceError, match=r"redis does not start[\s\S]*Bad file format"):
        service.start()
    assert service.poll() is not None


def test_a_port_is_kept_while_it_is_free_and_lies_below_those_of_outgoing_connections(state_dir: Path) -> None:
    port = installation.stable_port(state_dir, "postgres")
    assert installation.stable_port(state_dir, "postgres") == port
    assert installation.stable_port(state_dir, "redis") != port
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    assert 20_000 <= port < max(lowest, 30_000)


def test_a_stop_waits_for_the_end_and_can_be_repeated(state_dir: Path) -> None:
    service = embedded.Redis(state_dir, fast=True)
    service.start()
    began = time.monotonic()
    service.stop()
    service.stop()
    assert service.poll() == 0
    assert time.monotonic() - began < 5
