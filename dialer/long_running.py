"""What a process that serves for days does once, when it has loaded what it needs."""

import gc


def settle_in() -> None:
    """Set what is loaded by now aside from the garbage collector: modules, models and settings never become garbage.

    A full collection walks through all of it, and no thread of the process runs meanwhile: 65 ms every few seconds of
    dialing, in which requests miss their turn and talks stutter (measured: docs/decisions/0022).
    """
    gc.collect()
    gc.freeze()
