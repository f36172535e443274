"""Options: the command line before the environment before the default."""

from pathlib import Path

import pytest

from dialer.simulator.options import Options, read_options


def test_defaults_are_the_documented_ones() -> None:
    assert read_options([], {}) == Options()
    document = (Path(__file__).parents[2] / "docs" / "simulator.md").read_text()
    for name in vars(Options()):
        assert f"`--{name.replace('_', '-')}`" in document


def test_the_command_line_wins_over_the_environment() -> None:
    environment = {
        "SIMULATOR_SPEED": "20",
        "SIMULATOR_PORT": "9001",
        "SIMULATOR_EXOPHONES": "08011111111, 08022222222",
        "SIMULATOR_HIDE_ONGOING": "1",
    }
    options = read_options(["--port", "9002", "--frame-ms", "100", "--ledger", "/tmp/x"], environment)
    assert (options.speed, options.port, options.frame_ms) == (20.0, 9002, 100)
    assert options.exophones == ("08011111111", "08022222222")
    assert options.hide_ongoing
    assert options.ledger == Path("/tmp/x")


def test_flow_variables_add_up_and_the_command_line_wins() -> None:
    environment = {"SIMULATOR_FLOW_VAR": "stream_url=ws://a/?b=c passthru_url=http://p/"}
    options = read_options(["--flow-var", "stream_url=ws://d/", "--flow-var", "x="], environment)
    assert options.variables == {"stream_url": "ws://d/", "passthru_url": "http://p/", "x": ""}


def test_a_bad_variable_in_the_environment_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        read_options([], {"SIMULATOR_FLOW_VAR": "stream_url"})
    assert "SIMULATOR_FLOW_VAR" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["--flow-var", "x"],
        ["--passthru", "xml"],
        ["--speed", "0"],
        ["--port", "x"],
        ["--dialect", "both"],
        ["--hide-ongoing", "maybe"],
    ],
)
def test_a_bad_value_ends_the_start_with_its_name(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        read_options(arguments, {})
    assert arguments[0] in capsys.readouterr().err


def test_recordings_are_named_by_an_address_that_can_be_reached() -> None:
    assert Options(host="0.0.0.0", port=1).base_url == "http://127.0.0.1:1"
    assert Options(public_url="http://simulator:8001/").base_url == "http://simulator:8001"
