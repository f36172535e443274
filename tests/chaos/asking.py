"""How a run asks its operator, a process of its own (`operator`)."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tests.product.running import Product

Ask = Callable[[dict[str, Any]], dict[str, Any]]


def command(ask: Ask, *words: str) -> dict[str, Any]:
    """A command of manage.py that must succeed."""
    answer = ask({"do": "command", "words": words})
    assert "said" in answer, f"{words}: {answer}"
    said: dict[str, Any] = answer["said"]
    return said


@contextmanager
def operator(product: Product) -> Iterator[Ask]:
    """The operator's process, and how it is asked."""
    known = {name: value for name, value in product.environment.items() if name in ("PATH", "HOME", "STATE_DIR")}
    with subprocess.Popen(
        [sys.executable, "-m", "tests.chaos.operator"],
        cwd=product.root,
        env=known | {"DJANGO_SETTINGS_MODULE": "dialer.settings"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin
        assert process.stdout

        def ask(request: dict[str, Any]) -> dict[str, Any]:
            assert process.stdin
            assert process.stdout
            process.stdin.write(json.dumps(request) + "\n")
            process.stdin.flush()
            answer: dict[str, Any] = json.loads(process.stdout.readline() or '{"refused": "it died"}')
            return answer

        try:
            yield ask
        finally:
            process.stdin.close()
