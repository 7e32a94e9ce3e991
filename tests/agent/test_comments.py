"""Comments and semicolons, and whatever only looks like one."""

from __future__ import annotations

import pytest

from vazao_agent.comments import in_ascii, is_one


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


@pytest.mark.parametrize(("statement", "one"), [
    ("select 1", True),
    ("select ';' as \";\", $$;$$ -- ;\n/* ; */;\n ", True),
    ("select 1;;", True),
    ("select 1; select 2", False),
    ("select ';'; -- what follows is another statement", False),
    ("select e'\\';'; drop table citizen; --'", False),
    ("select '\\'; select ''", False),
])
def test_one_statement(statement: str, one: bool) -> None:
    assert is_one(statement) is one
