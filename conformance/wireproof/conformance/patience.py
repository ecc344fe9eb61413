"""A time limit for code that never yields: a regular expression of a stranger. Works in the main thread."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Generator


class TookTooLong(BaseException):
    """The time was over. No `Exception`, so that no library in between takes it for its own."""


@contextlib.contextmanager
def limited(seconds: float) -> Generator[None]:
    """Raise `TookTooLong` inside the block after this time; without a limit outside of the main thread."""
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "setitimer"):
        yield
        return

    def expire(_number: int, _frame: object) -> None:
        raise TookTooLong

    before = signal.signal(signal.SIGALRM, expire)
    # The timer and handler of somebody around us, a test runner's perhaps, are given back as they were.
    left, interval = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        if left:
            signal.setitimer(signal.ITIMER_REAL, left, interval)
