"""Text of a stranger on a page of a Git host is shown and does nothing."""

from __future__ import annotations

import pytest

from hedgehog.hosts.markdown import code, quoted


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("[click](http://evil.example)", "\\[click\\](http\u200b://evil.example)"),
        ("see https://evil.example", "see https\u200b://evil.example"),
        ("www.evil.example", "www\u200b.evil.example"),
        ("![x](y)", "!\\[x\\](y)"),
        ("@acme/all a@b.example", "@\u200bacme/all a@\u200bb.example"),
        ("&#64;acme", "&amp;\\#\u200b64;acme"),
        ("fixes #12 and GH-12", "fixes \\#\u200b12 and GH-\u200b12"),
        ("like !12!", "like !\u200b12!"),
        ('milestone %12 %v1 %"v 1" epic &12', 'milestone %\u200b12 %\u200bv1 %\u200b"v 1" epic &amp;\u200b12'),
        ("/close", "/\u200bclose"),
        ("\n/merge a/b", "/\u200bmerge a/b"),
        ("<img src=x>", "\\<img src=x\\>"),
        ("a\n# b\n- c", "a \\# b - c"),
        ("`x` **y** ~z~ $w$ |", "\\`x\\` \\*\\*y\\*\\* \\~z\\~ \\$w\\$ \\|"),
        ("a\u202eb\x1b[2Jc", "a�b�\\[2Jc"),
    ],
)
def test_a_quoted_text_is_not_markup_no_link_no_mention_no_reference(text, shown):
    """Also where GitHub looks at the text that is left when the signs are gone."""
    assert quoted(text) == shown


def test_a_code_span_cannot_be_left():
    """Not by a backtick, a line or a bar of the table."""
    assert code("a` @b\n| c\x1b") == "`a' @b \\| c�`"
    assert code("") == ""
