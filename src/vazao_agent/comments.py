"""Comments of SQL in ASCII: a database of another encoding than UTF-8 refuses a statement with a
character that it cannot hold, though it stands where nobody reads it.
"""

from __future__ import annotations

import re

# Whatever may hold what only looks like a comment comes first: strings, quoted names, bodies.
_TOKEN = re.compile(
    r"""[eE]'(?:[^'\\]|\\.|'')*' | '[^']*' | "[^"]*" | \$(?P<tag>(?:[^\W\d]\w*)?)\$.*?\$(?P=tag)\$
    | [^\W\d][\w$]* | (?P<line>--[^\r\n]*) | (?P<block>/\*)""", re.VERBOSE | re.DOTALL,
)
_BORDER = re.compile(r"/\*|\*/")


def in_ascii(statement: str) -> str:
    """The same statement; what is not ASCII in its comments became question marks."""
    pieces, at = [], 0
    while found := _TOKEN.search(statement, at):
        begin, end = found.span()
        if found["block"]:
            end = _end_of_block(statement, end)
        token = statement[begin:end]
        if found["line"] or found["block"]:
            token = token.encode("ascii", "replace").decode("ascii")
        pieces += [statement[at:begin], token]
        at = end
    return "".join([*pieces, statement[at:]])


def _end_of_block(statement: str, at: int) -> int:
    """Where the comment ends that was opened just before; such comments stand in each other."""
    depth = 1
    while depth and (border := _BORDER.search(statement, at)):
        depth += 1 if border[0] == "/*" else -1
        at = border.end()
    return len(statement) if depth else at
