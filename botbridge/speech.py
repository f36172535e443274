"""Local speech: text in, PCM16 out, with a cache on disk.

The voice lives in another process (botbridge/espeak.py says why). It is started at the first text, restarted when it
dies, and killed when a text takes too long. Safe to call from several threads and after a fork. Rendered audio may
hold a person's name: `prune` empties the cache by age, and whoever erases people calls it.
"""

from __future__ import annotations

import atexit
import hashlib
import importlib.util
import json
import os
import re
import select
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from botbridge import audio

CACHE_VERSION: Final = 1
"""Part of every key: raise it when the same text is to sound different."""
TEXT_MAX: Final = 2_000
TEXT_SECONDS: Final = 10.0
_HEADER: Final = struct.Struct(">III")


class SpeechError(Exception):
    """A text that could not be spoken; the message is fit for an operator."""


@dataclass(frozen=True, slots=True)
class Voice:
    """A voice to choose. `speed` is in words a minute."""

    name: str
    label: str
    espeak: str
    speed: int = 150


VOICES: Final = (
    # espeak-ng has no Indian English: British, at a slower pace.
    Voice("en-in", "English (India)", "gmw/en", 140),
    Voice("hi", "Hindi", "inc/hi"),
    Voice("ta", "Tamil", "dra/ta"),
    Voice("te", "Telugu", "dra/te"),
    Voice("bn", "Bengali", "inc/bn"),
    Voice("mr", "Marathi", "inc/mr"),
    Voice("gu", "Gujarati", "inc/gu"),
    Voice("kn", "Kannada", "dra/kn"),
    Voice("ml", "Malayalam", "dra/ml"),
    Voice("pa", "Punjabi", "inc/pa"),
    Voice("or", "Odia", "inc/or"),
    Voice("as", "Assamese", "inc/as"),
    Voice("ur", "Urdu", "inc/ur"),
    Voice("ne", "Nepali", "inc/ne"),
    Voice("si", "Sinhala", "inc/si"),
    Voice("en-us", "English (America)", "gmw/en-US"),
    Voice("id", "Indonesian", "poz/id"),
    Voice("ms", "Malay", "poz/ms"),
    Voice("th", "Thai", "tai/th"),
    Voice("vi", "Vietnamese", "aav/vi"),
)
DEFAULT_VOICE: Final = "en-in"
_BY_NAME: Final = {voice.name: voice for voice in VOICES}


def available() -> bool:
    """Whether texts can be spoken here. Does not load the voice into this process."""
    return importlib.util.find_spec("espeakng_loader") is not None


def voices() -> tuple[tuple[str, str], ...]:
    """(name, label) of every voice, for a form."""
    return tuple((voice.name, voice.label) for voice in VOICES)


def cached(text: str, voice: str, sample_rate: int, directory: Path) -> bytes | None:
    """The audio of a text that was rendered before, or None."""
    path = _path(_clean(text), voice, sample_rate, directory)
    try:
        pcm = path.read_bytes()
        os.utime(path)  # in use: prune goes by this time
    except OSError:
        return None
    return pcm or None  # a file without content is what a power failure leaves


def render(text: str, voice: str, sample_rate: int, directory: Path) -> bytes:
    """The text as PCM16 mono at `sample_rate` (Hz), from the cache or spoken now. Raises SpeechError."""
    known = cached(text, voice, sample_rate, directory)
    if known is not None:
        return known
    spoken = _speak(_clean(text), voice)
    pcm = audio.trimmed(audio.resample(spoken.pcm, spoken.sample_rate, sample_rate), sample_rate)
    if pcm:
        _keep(_path(_clean(text), voice, sample_rate, directory), pcm)
    return pcm


def prepare(texts: Iterable[tuple[str, str]], sample_rate: int, directory: Path) -> int:
    """Render (text, voice) pairs that the cache lacks; returns how many that were. Raises SpeechError."""
    missing = [pair for pair in dict.fromkeys(texts) if not is_cached(*pair, sample_rate, directory)]
    for text, voice in missing:
        render(text, voice, sample_rate, directory)
    return len(missing)


def is_cached(text: str, voice: str, sample_rate: int, directory: Path) -> bool:
    """Whether a text was rendered before; reads no audio."""
    return _path(_clean(text), voice, sample_rate, directory).exists()


def prune(directory: Path, *, older_than: float) -> int:
    """Delete what was not used for so many seconds; returns how many texts that were."""
    before = time.time() - older_than
    gone = 0
    for path in directory.glob("??/*"):
        try:
            if path.stat().st_mtime < before:
                path.unlink()
                gone += 1
        except FileNotFoundError:
            continue  # somebody else prunes too
    return gone


def close() -> None:
    """End the voice's process, if there is one. The next text starts another."""
    _speaker.close()


def _clean(text: str) -> str:
    """Without control characters and runs of blanks: none of them can be heard."""
    return re.sub(r"[\s\x00-\x1f\x7f\ud800-\udfff]+", " ", text).strip()


def _path(text: str, voice: str, sample_rate: int, directory: Path) -> Path:
    recipe = json.dumps([CACHE_VERSION, voice, sample_rate, text])
    name = hashlib.sha256(recipe.encode()).hexdigest()
    return directory / name[:2] / f"{name[2:]}.pcm"


def _keep(path: Path, pcm: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", suffix=".part", delete=False) as part:
        part.write(pcm)
    Path(part.name).replace(path)


def _speak(text: str, voice: str) -> _Spoken:
    if voice not in _BY_NAME:
        raise SpeechError(f"There is no voice “{voice}”.")
    if len(text) > TEXT_MAX:
        raise SpeechError(f"The text has {len(text)} characters; at most {TEXT_MAX} can be spoken.")
    if not text:
        return _Spoken(b"", 8000)
    if not available():
        raise SpeechError("No voice is installed here: install the extra requirements, or upload a recording.")
    return _speaker.speak(text, _BY_NAME[voice])


# --- the voice's process ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Spoken:
    pcm: bytes
    sample_rate: int


class _Died(Exception):
    """The voice's process ended or fell silent."""


class _Speaker:
    """One voice process, one text at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        os.register_at_fork(after_in_child=self._forget)

    def _forget(self) -> None:
        # Two processes on one pipe would read each other's answers, and a lock held at the fork stays held.
        self._lock = threading.Lock()
        process, self._process = self._process, None
        if process is None:
            return
        process.returncode = 0  # not our child: nothing of it is to be waited for
        for pipe in (process.stdin, process.stdout):
            if pipe:
                pipe.close()

    def speak(self, text: str, voice: Voice) -> _Spoken:
        """Speak, with one new process if the old one had died meanwhile. Raises SpeechError."""
        request = json.dumps({"text": text, "voice": voice.espeak, "speed": voice.speed}).encode() + b"\n"
        with self._lock:
            for last in (False, True):
                try:
                    return self._ask(request)
                except _Died:
                    self._end()
                    if last:
                        raise SpeechError("The voice did not answer; the text was not spoken.") from None
        raise AssertionError("unreachable")

    def close(self) -> None:
        """End the process."""
        with self._lock:
            self._end()

    def _ask(self, request: bytes) -> _Spoken:
        process = self._running()
        deadline = time.monotonic() + TEXT_SECONDS
        if not process.stdin:
            raise _Died
        try:
            process.stdin.write(request)
            process.stdin.flush()
        except OSError:
            raise _Died from None
        status, rate, size = _HEADER.unpack(_read(process, _HEADER.size, deadline))
        body = _read(process, size, deadline)
        if status:
            raise SpeechError(f"The text was not spoken: {body.decode('utf-8', 'replace')}.")
        return _Spoken(body, rate)

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self._end()
            self._process = subprocess.Popen(
                [sys.executable, "-m", "botbridge.espeak"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                cwd=Path(__file__).parent.parent,
                bufsize=0,
            )
        return self._process

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe:
                pipe.close()


def _read(process: subprocess.Popen[bytes], size: int, deadline: float) -> bytes:
    """Exactly so many bytes of its output, in time. Raises _Died."""
    if not process.stdout:
        raise _Died
    descriptor = process.stdout.fileno()
    poll = select.poll()  # select.select fails above 1,024 open files, which a server of many streams has
    poll.register(descriptor, select.POLLIN)
    received = bytearray()
    while len(received) < size:
        left = deadline - time.monotonic()
        if left <= 0 or not poll.poll(left * 1000):
            raise _Died
        piece = os.read(descriptor, size - len(received))
        if not piece:
            raise _Died
        received += piece
    return bytes(received)


_speaker = _Speaker()
atexit.register(close)
