"""What is published has a bounded length."""

from __future__ import annotations

from hedgehog.hosts.reports import shortened


def test_a_text_is_cut_at_the_end_of_a_line_and_no_fold_hides_that():
    """What comes after an open fold would be folded away."""
    text = "first line\n<details>\n" + "line\n" * 100 + "</details>"
    cut = shortened(text, 120, "\n… more in the log")
    assert len(cut) <= 120
    assert cut.startswith("first line\n<details>\nline\n")
    assert cut.endswith("line\n</details>\n… more in the log")


def test_a_text_that_fits_is_not_cut():
    """To the last character."""
    assert shortened("exactly", 7) == "exactly"
