"""The parts there are: a name and a function that measures and returns its rows. `runs` is how often to repeat."""

from collections.abc import Callable, Sequence

from bench.table import Row

Part = Callable[[int], Sequence[Row]]


def dispatch(runs: int) -> Sequence[Row]:
    from bench.dispatch import measure  # needs Django, which the runner sets up first

    return measure(runs)


def queue(runs: int) -> Sequence[Row]:
    from bench.queue import measure

    return measure(runs)


def pacing(runs: int) -> Sequence[Row]:
    from bench.pacing import measure

    return measure(runs)


def tallies(runs: int) -> Sequence[Row]:
    from bench.tallies import measure

    return measure(runs)


def pages(runs: int) -> Sequence[Row]:
    from bench.pages import measure

    return measure(runs)


def media(runs: int) -> Sequence[Row]:
    from bench.media import measure

    return measure(runs)


def imports(runs: int) -> Sequence[Row]:
    from bench.imports import measure

    return measure(runs)


def phones(runs: int) -> Sequence[Row]:
    from bench.phones import measure

    return measure(runs)


def pauses(runs: int) -> Sequence[Row]:
    from bench.pauses import measure

    return measure(runs)


def lost(runs: int) -> Sequence[Row]:
    from bench.lost import measure

    return measure(runs)


PARTS: dict[str, Part] = {
    "dispatch": dispatch,
    "pacing": pacing,
    "pauses": pauses,
    "lost": lost,
    "queue": queue,
    "tallies": tallies,
    "pages": pages,
    "media": media,
    "phones": phones,
    "imports": imports,
}
