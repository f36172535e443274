"""The table of processes: what the real programs make of our options."""

from typing import Any

import click
import pytest
from celery import Celery
from celery.bin.base import CLIContext
from celery.bin.celery import celery
from daphne.cli import CommandLineInterface

from dialer.supervisor.processes import Process, processes

VALUES = {
    "STATE_DIR": "/a state",
    "PORT": "8123",
    "SIMULATOR_PORT": "20001",
    "EXOTEL_ACCOUNT_SID": "simulated",
    "EXOTEL_API_KEY": "simulator",
    "EXOTEL_API_TOKEN": "simulator",
}


@pytest.fixture
def table() -> dict[str, Process]:
    return {process.name: process for process in processes(VALUES)}


def celery_options(process: Process) -> dict[str, Any]:
    words = list(process.command[process.command.index("celery") + 3 :])
    command = celery.commands[words[0]]
    context = click.Context(command, obj=CLIContext(app=Celery(), no_color=True, workdir=None, quiet=True))
    command.parse_args(context, words[1:])
    return context.params


def test_the_order_of_the_stop_is_the_reverse_of_the_start(table: dict[str, Process]) -> None:
    assert [*reversed(table)] == ["beat", "dial", "web", "work", "simulator"]


def test_no_simulator_runs_without_its_port() -> None:
    values = {name: value for name, value in VALUES.items() if name != "SIMULATOR_PORT"}
    assert "simulator" not in {process.name for process in processes(values)}


def test_daphne_understands_what_the_web_process_asks(table: dict[str, Process]) -> None:
    assert table["web"].command[1:3] == ("-m", "dialer.serving")
    options = CommandLineInterface().parser.parse_args(list(table["web"].command[3:]))
    assert (options.host, options.port) == ("127.0.0.1", 8123)
    assert options.websocket_timeout == -1
    assert options.websocket_max_message_size == 262_144
    assert options.verbosity == 0
    assert table["web"].environment == {"DATABASE_POOL": "1"}


@pytest.mark.parametrize(("name", "threads"), [("dial", 8), ("work", 8)])
def test_each_worker_has_its_queue_and_no_pool_of_connections(
    name: str, threads: int, table: dict[str, Process]
) -> None:
    options = celery_options(table[name])
    assert options["queues"] == [name]
    assert options["concurrency"] == threads
    assert options["without_gossip"]
    assert options["without_mingle"]
    assert options["without_heartbeat"]
    assert "DATABASE_POOL" not in table[name].environment


def test_beat_keeps_no_schedule_that_a_clock_set_back_would_make_worthless(table: dict[str, Process]) -> None:
    assert celery_options(table["beat"])["scheduler"] == "celery.beat:Scheduler"
