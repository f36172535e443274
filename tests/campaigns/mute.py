"""A house without a voice: what settings.SPEECH names where the speech extra is not installed."""

from pathlib import Path


class SpeechError(Exception):
    """There is no voice."""


def available() -> bool:
    return False


def render(_text: str, _voice: str, _sample_rate: int, _directory: Path) -> bytes:
    raise SpeechError("no voice is installed")


def prune(_directory: Path, *, older_than: float) -> int:
    assert older_than > 0
    return 0
