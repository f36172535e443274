"""The core neither does I/O nor reads a clock, and the simulator shares no code with the product."""

import ast
from pathlib import Path

import pytest

HERE = Path(__file__).parents[2] / "dialer" / "simulator"
CORE = [
    *("callbacks", "calls", "conversation", "documents", "exchange", "fates", "flows", "frames"),
    *("identity", "orders", "passthru", "player", "records", "recordings", "rest", "streams", "telling", "world"),
]
OUTSIDE = {"asyncio", "time", "socket", "httpx", "websockets", "uvicorn", "threading", "os", "pathlib"}
PRODUCT = {"campaigns", "botbridge", "django", "celery", "channels", "redis", "psycopg"}


def imported(module: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(str(node.module))
    return names


@pytest.mark.parametrize("name", CORE)
def test_the_core_touches_nothing_outside(name: str) -> None:
    assert not {module.split(".")[0] for module in imported(HERE / f"{name}.py")} & OUTSIDE


@pytest.mark.parametrize("module", sorted(HERE.glob("*.py")), ids=lambda path: path.name)
def test_no_code_is_shared_with_the_product(module: Path) -> None:
    for name in imported(module):
        assert name.split(".")[0] not in PRODUCT
        assert not name.startswith("dialer.") or name.startswith("dialer.simulator")
