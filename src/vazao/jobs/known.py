"""The kinds of work that this process knows, as features registered them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from vazao.jobs.errors import KindUnknown
from vazao.jobs.models import JobHook, Kind
from vazao.kit.platform import Platform, Principal

_known: Mapping[str, Kind] = {}
_hooks: Sequence[JobHook] = ()


def bind(kinds: Mapping[str, Kind], hooks: Sequence[JobHook] = ()) -> None:
    """Let the engine look kinds up in *kinds*, the registry's own dictionary.

    One registry a process: enqueueing joins transactions of callers that hold no registry.

    Args:
        hooks: called in the transaction in which any job ends, the registry's own list.
    """
    global _known, _hooks
    _known, _hooks = kinds, hooks


def end_hooks() -> Sequence[JobHook]:
    """What is called where a job ends, whatever its kind."""
    return _hooks


def hidden_from(platform: Platform, principal: Principal) -> tuple[str, ...]:
    """The kinds of jobs that *principal* is told nothing of: their feature has scopes of its own,
    and it may not read there.
    """
    scopes = platform.registry.scopes
    nouns = {kind: f"{kind.partition('.')[0]}:read" for kind in platform.registry.job_kinds}
    return tuple(
        kind for kind, scope in nouns.items() if scope in scopes and not principal.may(scope)
    )


def may_begin(name: str, principal: Principal) -> bool:
    """Whether *principal* may begin work of that kind, and so end it and let it start over.

    The scopes of a route are held besides.
    """
    kind = _known.get(name)
    signed_in = principal.session_id is not None
    return kind is None or not kind.admin or not signed_in or "admin" in principal.roles


def find_kind(name: str) -> Kind | None:
    """The kind called *name*, if this version knows it."""
    return _known.get(name)


def kind_of(name: str) -> Kind:
    """The kind called *name*.

    Raises:
        KindUnknown: no feature registered it in this version.
    """
    try:
        return _known[name]
    except KeyError:
        raise KindUnknown(kind=name) from None
