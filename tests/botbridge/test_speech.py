"""Local speech: a real voice in its own process, and its cache."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from botbridge import audio, speech


@pytest.fixture(autouse=True, scope="module")
def voice_ends_with_the_tests() -> Iterator[None]:
    yield
    speech.close()


@pytest.mark.parametrize(
    ("text", "voice"),
    [("Hello Asha, your order is ready.", "en-in"), ("नमस्ते आशा, आपका ऑर्डर तैयार है।", "hi"), ("வணக்கம்", "ta")],
)
def test_it_really_speaks(text: str, voice: str, tmp_path: Path) -> None:
    said = speech.render(text, voice, 8000, tmp_path)
    assert audio.seconds(len(said), 8000) > 0.4
    assert -30 < audio.level(said) < -6


def test_every_voice_that_is_offered_can_speak(tmp_path: Path) -> None:
    for name, label in speech.voices():
        assert len(speech.render("1 2 3", name, 8000, tmp_path)) > 8_000, label


def test_hindi_and_english_do_not_sound_the_same(tmp_path: Path) -> None:
    assert speech.render("1", "hi", 8000, tmp_path) != speech.render("1", "en-in", 8000, tmp_path)


def test_it_starts_with_sound_so_that_nobody_waits(tmp_path: Path) -> None:
    said = speech.render("Hello.", "en-in", 8000, tmp_path)
    assert audio.level(said[: 2 * 800]) > -50


def test_a_text_is_spoken_once_and_then_found(tmp_path: Path) -> None:
    assert speech.cached("Hello.", "en-in", 8000, tmp_path) is None
    said = speech.render("Hello.", "en-in", 8000, tmp_path)
    assert speech.cached("  Hello.\n", "en-in", 8000, tmp_path) == said
    assert speech.cached("Hello.", "en-in", 16000, tmp_path) is None
    assert [path.suffix for path in tmp_path.glob("*/*")] == [".pcm"]


def test_preparing_speaks_only_what_is_missing(tmp_path: Path) -> None:
    texts = [("One.", "en-in"), ("Two.", "en-in"), ("One.", "en-in")]
    assert speech.prepare(texts, 8000, tmp_path) == 2
    assert speech.prepare(texts, 8000, tmp_path) == 0


def test_an_empty_file_left_by_a_power_failure_is_spoken_again(tmp_path: Path) -> None:
    said = speech.render("Hello.", "en-in", 8000, tmp_path)
    next(tmp_path.glob("*/*.pcm")).write_bytes(b"")
    again = speech.render("Hello.", "en-in", 8000, tmp_path)
    assert len(again) == pytest.approx(len(said), rel=0.05)  # the voice breathes: no two renderings are equal


def test_old_speech_is_pruned_and_what_is_in_use_stays(tmp_path: Path) -> None:
    for text in ("Old.", "New."):
        speech.render(text, "en-in", 8000, tmp_path)
    for path in tmp_path.glob("*/*"):
        os.utime(path, (0, 0))
    assert speech.cached("New.", "en-in", 8000, tmp_path)
    assert speech.prune(tmp_path, older_than=3_600) == 1
    assert speech.cached("New.", "en-in", 8000, tmp_path)


@pytest.mark.parametrize("text", ["", "   ", "\0", "\ud800"])
def test_nothing_to_say_is_silence(text: str, tmp_path: Path) -> None:
    assert speech.render(text, "en-in", 8000, tmp_path) == b""


def test_an_unknown_voice_and_an_endless_text_are_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(speech.SpeechError, match="no voice “klingon”"):
        speech.render("Hello.", "klingon", 8000, tmp_path)
    with pytest.raises(speech.SpeechError, match="at most 2000"):
        speech.render("x" * 2_001, "en-in", 8000, tmp_path)


def test_a_voice_that_was_killed_is_started_again(tmp_path: Path) -> None:
    speech.render("Before.", "en-in", 8000, tmp_path)
    process = speech._speaker._process
    assert process
    process.send_signal(signal.SIGKILL)
    assert speech.render("After.", "en-in", 8000, tmp_path)


def test_a_voice_that_hangs_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    speech.render("Before.", "en-in", 8000, tmp_path)
    process = speech._speaker._process
    assert process
    process.send_signal(signal.SIGSTOP)
    monkeypatch.setattr(speech, "TEXT_SECONDS", 0.5)
    assert speech.render("After.", "en-in", 8000, tmp_path)  # by the process that replaced it
    assert process.poll() is not None


def test_threads_share_one_voice_without_mixing_their_texts(tmp_path: Path) -> None:
    alone = {number: speech.render(f"Number {number}.", "en-in", 8000, tmp_path / "alone") for number in range(12)}
    together: dict[int, bytes] = {}

    def speak(number: int) -> None:
        together[number] = speech.render(f"Number {number}.", "en-in", 8000, tmp_path / "together")

    threads = [threading.Thread(target=speak, args=(number,)) for number in alone]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, said in alone.items():
        assert len(together[number]) == pytest.approx(len(said), rel=0.05)


def test_thirty_short_texts_take_less_than_a_second_of_work(tmp_path: Path) -> None:
    speech.render("Warm.", "en-in", 8000, tmp_path)
    began = worked()
    for number in range(30):
        speech.render(f"Hello customer {number}.", "en-in", 8000, tmp_path)
    assert worked() - began < 1.0


def worked() -> float:
    """Seconds of the processor's that we and the voice have used: other load on the machine is not our doing."""
    process = speech._speaker._process
    assert process
    voice = psutil.Process(process.pid).cpu_times()
    return time.process_time() + float(voice.user) + float(voice.system)


def test_the_gpl_library_is_never_loaded_into_our_process() -> None:
    program = (
        "import sys; from botbridge import speech; from botbridge.bots import announcer; assert speech.available();"
        "assert speech.voices(); assert 'espeakng_loader' not in sys.modules; assert 'django' not in sys.modules;"
        "assert 'channels' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", program], check=False, cwd=Path(speech.__file__).parent.parent)
    assert done.returncode == 0
