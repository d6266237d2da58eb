"""The memory of the API server."""

from __future__ import annotations

import gc


def keep_loaded() -> None:
    """Exempt from the collection of garbage what is loaded by now: it stays for as long as the server runs.

    A full collection walks everything, which takes 0.2 s in the middle of an answer, and large answers cause many.
    """
    gc.collect()
    gc.freeze()
