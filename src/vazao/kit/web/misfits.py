"""What to say of JSON that does not fit: where it is wrong, and what could have stood there.

The decoder names fields of structs and places in lists; for a key of a free object it writes
``[...]``. What it leaves out is found here, by a second look that only refused bodies pay for.
"""

from __future__ import annotations

import json
import math
import re
import types
from collections.abc import Iterator
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec

_STEP = re.compile(r"\[(\.\.\.|\d+)\]|([^.\[\]]+)")
_GOT = re.compile(r"got `(\w+)`")
# A pair of escapes, or half of one; an even number of backslashes before it escapes nothing.
_HALF = re.compile(
    rb"(?<!\\)(?:\\\\)*(?P<pair>\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})"
    rb"|(?<!\\)(?:\\\\)*(?P<half>\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
)
ANY_KEY = "..."


def half_character(body: bytes) -> int | None:
    r"""The byte where an escape such as ``\ud800`` is half of a character; else ``None``."""
    for found in _HALF.finditer(body):
        if found["half"]:
            return found.start("half")
    return None


def steps_of(place: str) -> list[str | int]:
    """The steps of a place as the decoder writes it: ``a[0].b[...]``."""
    return [
        name or (key if key == ANY_KEY else int(key)) for key, name in _STEP.findall(place)
    ]


def written(steps: list[str | int]) -> str:
    """A place as people read it: ``custom.n``, ``items[2].name``."""
    parts = [f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps]
    return "".join(parts).removeprefix(".")


def real_place(body: bytes | bytearray, place: str, said: str) -> str:
    """*place* with the keys that the decoder left out, as far as *said* shows which are meant."""
    steps = steps_of(place)
    if ANY_KEY not in steps:
        return written(steps)
    try:
        found = list(_matching(json.loads(body), steps, []))
    except (ValueError, RecursionError):
        found = []
    wrong = [path for path, value in found if _is_meant(value, said)]
    return written(wrong[0] if wrong else steps)


def _matching(
    value: Any, steps: list[str | int], before: list[str | int]
) -> Iterator[tuple[list[str | int], Any]]:
    if not steps:
        yield before, value
        return
    step, rest = steps[0], steps[1:]
    keys: Any = ()
    if isinstance(value, dict):
        keys = value if step == ANY_KEY else [step]
    elif isinstance(value, list) and isinstance(step, int):
        keys = [step] if step < len(value) else ()
    for key in keys:
        if isinstance(value, list) or key in value:
            yield from _matching(value[key], rest, [*before, key])


def _is_meant(value: Any, said: str) -> bool:
    if "out of range" in said:
        return isinstance(value, float) and math.isinf(value)
    if "field `" in said:
        return isinstance(value, dict) and ("unknown" in said) == (_named(said) in value)
    got = _GOT.search(said)
    return got is not None and got[1] == _kind(value)


def _named(said: str) -> str:
    return said.split("`")[1]


def _kind(value: Any) -> str:
    """What the decoder calls a value's type."""
    names: list[tuple[Any, str]] = [
        (bool, "bool"), (str, "str"), (int, "int"), (float, "float"), (dict, "object"),
        (list, "array"),
    ]
    return next((name for kind, name in names if isinstance(value, kind)), "null")


def names_at(kind: Any, place: str) -> list[str]:
    """The fields that an object of *kind* may have at *place*; none where they are free."""
    for each in _alternatives(_kind_at(kind, place)):
        if isinstance(each, type) and issubclass(each, msgspec.Struct):
            return [field.encode_name for field in msgspec.structs.fields(each)]
    return []


def values_at(kind: Any, place: str) -> list[str]:
    """The texts that alone may stand at *place* of a *kind*; none where others may, too."""
    return [
        value for each in _alternatives(_kind_at(kind, place)) if get_origin(each) is Literal
        for value in get_args(each) if isinstance(value, str)
    ]


def _kind_at(kind: Any, place: str) -> Any:
    """The type of what stands at *place* of a *kind*; ``None`` where it has none."""
    for step in steps_of(place):
        kind = next(
            (found for each in _alternatives(kind) if (found := _inside(each, step))), None
        )
    return kind


def _alternatives(kind: Any) -> list[Any]:
    if get_origin(kind) is Annotated:
        return _alternatives(get_args(kind)[0])
    if get_origin(kind) in (Union, types.UnionType):
        return [each for one in get_args(kind) for each in _alternatives(one)]
    return [kind]


def _inside(kind: Any, step: str | int) -> Any:
    """The type of what stands at a step into a value of *kind*; ``None`` where it has none."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        hints = get_type_hints(kind, include_extras=True)
        named = {f.encode_name: hints[f.name] for f in msgspec.structs.fields(kind)}
        return named.get(str(step))
    origin, given = get_origin(kind), get_args(kind)
    if not given or not isinstance(origin, type):
        return None
    if issubclass(origin, dict):
        return given[1]
    return given[min(step, len(given) - 1)] if isinstance(step, int) else None
