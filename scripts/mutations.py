"""Small changes to a Python text: another comparison, a statement less, an argument less.

They are made on the syntax tree and written into the text where it stands, so that everything else
stays as it is, comments too. Texts and annotations are left alone: what a text says is checked
elsewhere.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

OTHERS: dict[type[ast.AST], ast.AST] = {
    ast.Lt: ast.LtE(), ast.LtE: ast.Lt(), ast.Gt: ast.GtE(), ast.GtE: ast.Gt(),
    ast.Eq: ast.NotEq(), ast.NotEq: ast.Eq(), ast.Is: ast.IsNot(), ast.IsNot: ast.Is(),
    ast.In: ast.NotIn(), ast.NotIn: ast.In(), ast.And: ast.Or(), ast.Or: ast.And(),
    ast.Add: ast.Sub(), ast.Sub: ast.Add(), ast.Mult: ast.FloorDiv(), ast.Div: ast.Mult(),
    ast.FloorDiv: ast.Mult(), ast.Mod: ast.FloorDiv(), ast.LShift: ast.RShift(),
    ast.RShift: ast.LShift(), ast.BitAnd: ast.BitOr(), ast.BitOr: ast.BitAnd(),
    ast.BitXor: ast.BitOr(),
}
"""What stands in for an operator."""


def changes(text: str, lines: set[int]) -> Iterator[tuple[int, str]]:
    """Each change that begins in one of *lines*: its line, and the whole text with it."""
    rows = text.encode().splitlines(keepends=True)
    starts = [0]
    for row in rows:
        starts.append(starts[-1] + len(row))
    whole = text.encode()
    for node in _nodes(ast.parse(text)):
        if node.lineno in lines:
            begin = starts[node.lineno - 1] + node.col_offset
            end = starts[(node.end_lineno or 1) - 1] + (node.end_col_offset or 0)
            for other in _others(node):
                yield node.lineno, (whole[:begin] + other.encode() + whole[end:]).decode()


def _nodes(node: ast.AST) -> Iterator[ast.expr | ast.stmt]:
    """All that may be changed; what is within a text, an annotation or a decorator may not."""
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.JoinedStr) or not isinstance(child, ast.AST):
                continue
            if isinstance(child, ast.expr | ast.stmt):
                yield child
            yield from _nodes(child)


def _others(node: ast.expr | ast.stmt) -> Iterator[str]:
    """What may stand in the place of *node*."""
    if isinstance(node, ast.stmt):
        yield from _other_statements(node)
    else:
        for other in _other_expressions(node):
            yield f"({ast.unparse(other)})"


def _other_statements(node: ast.stmt) -> Iterator[str]:
    match node:
        case ast.Expr(value=ast.Constant()):
            return
        case ast.Expr() | ast.Raise() | ast.AugAssign() | ast.Delete() | ast.Assert():
            yield "pass"
        case ast.Return(value=ast.expr()):
            yield "return None"
        case ast.Assign(value=ast.Constant()):
            return
        case ast.Assign(targets=targets):
            yield " = ".join(ast.unparse(target) for target in targets) + " = None"
        case ast.Continue():
            yield "break"
        case ast.Break():
            yield "pass"


def _other_expressions(node: ast.expr) -> Iterator[ast.expr]:
    match node:
        case ast.Compare(left=left, ops=ops, comparators=right):
            for at, operator in enumerate(ops):
                swapped = [*ops[:at], OTHERS[type(operator)], *ops[at + 1 :]]
                yield ast.Compare(left, swapped, right)  # type: ignore[arg-type]
        case ast.BoolOp(op=op, values=values):
            yield ast.BoolOp(OTHERS[type(op)], values)  # type: ignore[arg-type]
            for at in range(len(values)):
                yield _joined(op, [*values[:at], *values[at + 1 :]])
        case ast.BinOp(left=left, op=op, right=second) if type(op) in OTHERS:
            yield ast.BinOp(left, OTHERS[type(op)], second)  # type: ignore[arg-type]
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield operand
        case ast.Constant(value=bool(value)):
            yield ast.Constant(not value)
        case ast.Constant(value=int(value) | float(value)):
            yield ast.Constant(value + 1)
        case ast.IfExp(body=body, orelse=orelse):
            yield from (body, orelse)
        case ast.Call(func=func, args=given, keywords=named):
            for at in range(len(named)):
                yield ast.Call(func, given, [*named[:at], *named[at + 1 :]])
            for at, value in enumerate(given):
                if not isinstance(value, ast.Constant | ast.Starred):
                    yield ast.Call(func, [*given[:at], ast.Constant(None), *given[at + 1 :]], named)
        case ast.Tuple(elts=parts, ctx=ast.Load()) | ast.List(elts=parts, ctx=ast.Load()):
            sliced = any(isinstance(part, ast.Slice) for part in parts)
            for at in range(len(parts) if len(parts) > 1 and not sliced else 0):
                yield type(node)([*parts[:at], *parts[at + 1 :]], ast.Load())


def _joined(op: ast.boolop, values: list[ast.expr]) -> ast.expr:
    return ast.BoolOp(op, values) if len(values) > 1 else values[0]
