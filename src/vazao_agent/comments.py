"""Comments of SQL, told from its words.

A database of another encoding than UTF-8 refuses a statement with a character that it cannot hold,
though it stands where nobody reads it: comments are sent in ASCII.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

# Whatever may hold what only looks like a comment comes first: strings, quoted names, bodies.
_TOKEN = re.compile(
    r"""[eE]'(?:[^'\\]|\\.|'')*' | '[^']*' | "[^"]*" | \$(?P<tag>(?:[^\W\d]\w*)?)\$.*?\$(?P=tag)\$
    | [^\W\d][\w$]* | (?P<line>--[^\r\n]*) | (?P<block>/\*)""", re.VERBOSE | re.DOTALL,
)
BARE, WORD, COMMENT = "bare", "word", "comment"
_BORDER = re.compile(r"/\*|\*/")


def in_ascii(statement: str) -> str:
    """The same statement; what is not ASCII in its comments became question marks."""
    return "".join(
        text.encode("ascii", "replace").decode("ascii") if kind is COMMENT else text
        for kind, text in _pieces(statement)
    )


def is_one(statement: str) -> bool:
    """Whether nothing but blanks comes after a semicolon: what follows is another statement."""
    bare = "".join(text if kind is BARE else "_" for kind, text in _pieces(statement))
    return ";" not in bare.rstrip().rstrip(";")


def _pieces(statement: str) -> Iterator[tuple[str, str]]:
    """All of a statement: what is bare, strings and names (words), and comments."""
    at = 0
    while found := _TOKEN.search(statement, at):
        begin, end = found.span()
        if found["block"]:
            end = _end_of_block(statement, end)
        yield BARE, statement[at:begin]
        yield COMMENT if found["line"] or found["block"] else WORD, statement[begin:end]
        at = end
    yield BARE, statement[at:]


def _end_of_block(statement: str, at: int) -> int:
    """Where the comment ends that was opened just before; such comments stand in each other."""
    depth = 1
    while depth and (border := _BORDER.search(statement, at)):
        depth += 1 if border[0] == "/*" else -1
        at = border.end()
    return len(statement) if depth else at
