"""Comments in ASCII, and whatever only looks like a comment as it was."""

from __future__ import annotations

import pytest

from vazao_agent.comments import in_ascii


@pytest.mark.parametrize(("statement", "expected"), [
    ("select 'é' -- ação → é\n, 'é'", "select 'é' -- a??o ? ?\n, 'é'"),
    ("/* é /* é */ é */ 'é'", "/* ? /* ? */ ? */ 'é'"),
    ("'--é', \"/*é\", 'it''s --é'", "'--é', \"/*é\", 'it''s --é'"),
    ("e'\\'--é' --é", "e'\\'--é' --?"),
    ("'\\'--é", "'\\'--?"),
    ("$$--é$$ $ã$--é $$ é$ã$ --é", "$$--é$$ $ã$--é $$ é$ã$ --?"),
    ("a$é$b --é$é$", "a$é$b --?$?$"),
    ("é-é--é\r\né", "é-é--?\r\né"),
    ("/* é", "/* ?"),
    ("type '--é'", "type '--é'"),
])
def test_only_comments_change(statement: str, expected: str) -> None:
    assert in_ascii(statement) == expected
