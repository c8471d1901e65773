"""Probes together: all are asked at once and take as long as the slowest."""

from __future__ import annotations

import threading
import time
from queue import Empty, Queue
from typing import Callable, Dict, Hashable, Iterable, List, Mapping, Tuple, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")

_MOST_THREADS = 128
_POLL_SECONDS = 0.2


def all_at_once(
    jobs: Mapping[Key, Callable[[], Value]],
    seconds: float,
    otherwise: Callable[[Exception], Value],
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> Dict[Key, Value]:
    """Run jobs beside each other and return what they returned.

    Threads cannot be ended: those that hang, as a name lookup can, are left behind, and
    their jobs are missing in what is returned.

    Args:
        jobs: by whatever they are known by.
        seconds: how long to wait for each batch of 128.
        otherwise: what stands for a job that raised an exception.
        progress: is told how many of how many are done, now and then.
    """
    found: Dict[Key, Value] = {}
    names = list(jobs)
    for first in range(0, len(names), _MOST_THREADS):
        batch = names[first : first + _MOST_THREADS]
        for key, value in _batch(
            [(key, jobs[key]) for key in batch], seconds, otherwise
        ):
            found[key] = value
            progress(len(found), len(jobs))
    return found


def _batch(
    jobs: List[Tuple[Key, Callable[[], Value]]],
    seconds: float,
    otherwise: Callable[[Exception], Value],
) -> Iterable[Tuple[Key, Value]]:
    answers: Queue[Tuple[Key, Value]] = Queue()

    def work(key: Key, job: Callable[[], Value]) -> None:
        try:
            value = job()
        # A bug of ours is told as any other fault of one job.
        except Exception as error:  # noqa: BLE001
            value = otherwise(error)
        answers.put((key, value))

    for key, job in jobs:
        try:
            threading.Thread(target=work, args=(key, job), daemon=True).start()
        except RuntimeError as error:
            # The machine lets this user have no more of them.
            answers.put((key, otherwise(error)))
    end, waiting = time.monotonic() + seconds, len(jobs)
    while waiting and time.monotonic() < end:
        try:
            answer = answers.get(
                timeout=max(0.0, min(_POLL_SECONDS, end - time.monotonic()))
            )
        except Empty:
            continue
        waiting -= 1
        yield answer
