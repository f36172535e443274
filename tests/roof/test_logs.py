"""Warnings among the logs."""

from pathlib import Path

import pytest

from dialer.supervisor import logs


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "work.log"
    path.write_text("ERROR of yesterday\n")
    return path


def append(log: Path, text: str) -> None:
    with log.open("a") as file:
        file.write(text)


def test_only_new_whole_lines_with_a_warning_are_shown(log: Path) -> None:
    warnings = logs.Warnings(log)
    append(log, "INFO fine\n12:00 WARNING held\n[stderr]@%WARNING\nERR")
    assert warnings.fresh() == ["12:00 WARNING held"]
    append(log, "OR refused\n")
    assert warnings.fresh() == ["ERROR refused"]
    assert warnings.fresh() == []


def test_the_same_warning_is_shown_once_a_minute(log: Path) -> None:
    warnings = logs.Warnings(log)
    append(log, "12:00:01 ERROR task 7 is lost\n12:00:02 ERROR task 8 is lost\n")
    assert warnings.fresh() == ["12:00:01 ERROR task 7 is lost"]


def test_a_flood_is_counted(log: Path) -> None:
    warnings = logs.Warnings(log)
    append(log, "".join(f"ERROR {letter}\n" for letter in "abcdefgh"))
    assert warnings.fresh() == ["ERROR a", "ERROR b", "ERROR c", "ERROR d", "ERROR e", f"… 3 more in {log}"]


def test_a_log_that_is_not_there_yet_is_waited_for(tmp_path: Path) -> None:
    warnings = logs.Warnings(tmp_path / "new.log")
    assert warnings.fresh() == []
    append(tmp_path / "new.log", "ERROR first\n")
    assert warnings.fresh() == ["ERROR first"]


def test_a_log_that_has_grown_big_is_put_aside(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    logs.put_aside(log)
    assert log.exists()
    monkeypatch.setattr(logs, "TOO_BIG", 3)
    logs.put_aside(log)
    assert not log.exists()
    assert log.with_name("work.log.1").read_text() == "ERROR of yesterday\n"
