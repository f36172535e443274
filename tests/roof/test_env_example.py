"""`.env.example` names every setting that is read, and no other."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from dialer import env
from dialer.supervisor import values

READERS = {"text", "secret", "integer", "boolean", "words", "url", "keys", "one_of", "time_zone"}
SOURCES = ("dialer", "campaigns", "botbridge")
# Not settings: what the machine says about itself, or what one test process tells another.
NOT_OURS = {"PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH", "DJANGO_SETTINGS_MODULE"}


def documented() -> list[str]:
    return re.findall(r"^([A-Z_]+)=", (env.ROOT / ".env.example").read_text(encoding="utf-8"), re.MULTILINE)


def read_in(source: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and node.args and is_reader(node.func):
            first = node.args[0]
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                yield first.value


def is_reader(function: ast.expr) -> bool:
    """``env.text(…)`` and its like, and ``os.environ.get(…)``."""
    if not isinstance(function, ast.Attribute):
        return False
    owner = ast.unparse(function.value)
    return (owner == "env" and function.attr in READERS) or (owner == "os.environ" and function.attr == "get")


def read_anywhere() -> set[str]:
    sources = [path for folder in SOURCES for path in (env.ROOT / folder).rglob("*.py")]
    literal = {name for path in sources for name in read_in(path)}
    return (
        (literal | {*values.PASSED_ON, *values.SECRETS, "DATABASE_URL", "REDIS_URL"}) - NOT_OURS - {"DATABASE_URL_FILE"}
    )


def test_every_setting_that_is_read_is_documented_and_the_other_way_round() -> None:
    assert set(documented()) == read_anywhere()


def test_each_setting_is_documented_once() -> None:
    assert len(documented()) == len(set(documented()))


def test_what_the_supervisor_passes_on_and_what_it_decides_is_everything() -> None:
    decided = {"PORT", "PUBLIC_URL", "STATE_DIR", "DATABASE_URL", "REDIS_URL", "SIMULATOR", "DATABASE_POOL"}
    assert {*values.PASSED_ON, *values.SECRETS} | decided == set(documented())
