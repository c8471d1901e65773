"""Probes beside each other: nobody waits longer for them than was said."""

from __future__ import annotations

import threading

from private_registry.check.probe.parallel import all_at_once


def test_no_wait_for_what_hangs_is_for_ever() -> None:
    """SimpleQueue's is where its time is over as it begins, up to Python 3.12."""

    def ask_again_and_again() -> None:
        for _ in range(10_000):
            hanging = threading.Event()
            assert (
                all_at_once({"hanging": hanging.wait}, 2e-6, lambda _error: False) == {}
            )
            hanging.set()

    asking = threading.Thread(target=ask_again_and_again, daemon=True)
    asking.start()
    asking.join(120)
    assert not asking.is_alive()
