"""A command in a second terminal finds the running installation, or says that nothing runs."""

import os
from pathlib import Path

import pytest

from tests.commands.conftest import run

COMMANDS = {
    "campaign_status": ("1", "--json"),
    "test_call": ("9000001001",),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_with_nothing_running_it_says_so_with_status_1(tmp_path: Path, name: str) -> None:
    state = tmp_path / "a state with späces"
    environment = {key: value for key, value in os.environ.items() if key not in ("DATABASE_URL", "REDIS_URL")}
    said = run(environment | {"STATE_DIR": str(state)}, name, *COMMANDS[name])
    assert said.refusal == (f'Nothing runs in {state}: start it with "make run", or set DATABASE_URL and REDIS_URL.')
    assert not state.exists()


def test_a_database_that_does_not_answer_is_named_without_a_traceback(tmp_path: Path) -> None:
    gone = {"DATABASE_URL": "postgresql://nobody:x@127.0.0.1:9/none", "STATE_DIR": str(tmp_path)}
    said = run({**os.environ, **gone}, "campaign_status", "1", "--json")
    assert said.refusal.startswith("The database does not answer")
