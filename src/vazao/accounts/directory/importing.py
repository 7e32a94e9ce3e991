"""Users from another system: NDJSON, checked line by line, merged in one transaction.

The body waits in a file until it is whole. What is wrong with a line refuses that line alone; the
others go in together, or none does. Lines that tell of another organization's names are counted
(:mod:`vazao.accounts.taken`): an import with more of them than may be told brings nothing in.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

import msgspec
from psycopg import errors as pg

from vazao import notices
from vazao.accounts import errors, names, schemes, taken
from vazao.accounts import store as accounts
from vazao.accounts.directory import store
from vazao.accounts.models import ROLES, USER_CHANGED, actor_of
from vazao.kit.announcing import changes_with
from vazao.kit.errors import VazaoError
from vazao.kit.platform import Platform, Principal
from vazao.kit.processes import unusable

MOST_BYTES = 4 << 30
LONGEST_LINE = 64 << 10
LINES_AT_ONCE = 2_000
REFUSED_SHOWN = 1_000
TRIES = 3
BOM = b"\xef\xbb\xbf"
"""Some editors put it before the first line."""


class Given(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A line: a user; who is known by their username is changed, but for what is not there."""

    username: str
    email: str | msgspec.UnsetType | None = msgspec.UNSET
    name: str | msgspec.UnsetType = msgspec.UNSET
    roles: list[str] | msgspec.UnsetType = msgspec.UNSET
    enabled: bool | msgspec.UnsetType = msgspec.UNSET
    password_hash: str | None = None


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """A line that did not go in: its number from 1, and why."""

    line: int
    code: str
    message: str


class Imported(msgspec.Struct, kw_only=True):
    """What came of an import."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    refused: int = 0
    details: list[Refused] = msgspec.field(default_factory=list)


_TAKEN: dict[str, VazaoError] = {
    "username_repeated": errors.UsernameRepeated(), "username_taken": errors.UsernameTaken(),
    "email_taken": errors.EmailTaken(), "last_admin": errors.LastAdmin(),
}
_decode = msgspec.json.Decoder(Given).decode


async def spool(body: AsyncIterator[bytes], folder: Path) -> IO[bytes]:
    """The whole body in a file without a name; the caller closes it.

    Raises:
        ImportTooLarge: it has more than 4 GiB.
        StorageFull: the disk has no room for it.
    """
    try:
        file = TemporaryFile(dir=folder)  # noqa: SIM115
    except OSError as error:
        raise unusable(folder, error) from error
    size = 0
    try:
        async for block in body:
            size += len(block)
            if size > MOST_BYTES:
                raise errors.ImportTooLarge
            await asyncio.to_thread(file.write, block)
        file.seek(0)
    except OSError as error:
        file.close()
        raise unusable(folder, error) from error
    except BaseException:
        file.close()
        raise
    return file


async def run(
    platform: Platform, principal: Principal, file: IO[bytes], language: str = "en"
) -> Imported:
    """Merge the users in *file* into the principal's organization; says in *language* why a line
    did not go in.

    Raises:
        UsernameTaken: others took the same names meanwhile, again and again.
        TooManyNamesTaken: more lines tell of names elsewhere than may be told; none went in.
        NamesAskedTooOften: it is too early to tell of any, or that there is none.
    """
    for _ in range(TRIES):
        file.seek(0)
        try:
            return await _once(platform, principal, file, language)
        except pg.UniqueViolation:
            # Somebody else took a name between the look and the merge: look again.
            continue
    raise errors.UsernameTaken


async def _once(
    platform: Platform, principal: Principal, file: IO[bytes], language: str
) -> Imported:
    made, organization_id = Imported(), principal.organization_id
    kinds: dict[str, str] = {}
    async with platform.db.transaction() as conn:
        await store.create_staged(conn)
        async with store.staging(conn) as write:
            lines = numbered(file)
            while rows := await asyncio.to_thread(_checked, lines, made, kinds, language):
                await write(rows)
        await accounts.lock_admins(conn, organization_id)
        aside = await store.put_aside(conn, organization_id)
        await _count(platform, principal, aside, language)
        for each in aside:
            _refuse(made, each.line, _TAKEN[each.code], language)
        merged = await store.merge(conn, organization_id)
        made.created, made.updated, made.unchanged, _ = merged
        await changes_with(conn, *_topics(merged.sessions))
        await store.keep_schemes(conn, kinds)
        if made.created or made.updated:
            await accounts.note(
                conn, organization_id, actor_of(principal), "users.imported", "",
                {"created": made.created, "updated": made.updated},
            )
            await notices.tell(conn, organization_id, USER_CHANGED, "users", {
                "change": "imported", "created": made.created, "updated": made.updated,
                "url": "/v1/users", "page": "/admin/users",
            })
    made.details.sort(key=lambda each: each.line)
    return made


async def _count(
    platform: Platform, principal: Principal, aside: list[store.Aside], language: str
) -> None:
    """Count the lines that tell of names the asker may not list.

    Raises:
        TooManyNamesTaken: they are more than may be told; the first of them are.
        NamesAskedTooOften: none may be told now.
    """
    secret = {"other"} if taken.may_list(principal) else {"other", "own"}
    telling = sorted(
        (each for each in aside if each.tells_of in secret), key=lambda each: each.line
    )
    told = await taken.count(platform, principal, len(telling))
    if told < len(telling):
        raise errors.TooManyNamesTaken(
            await taken.wait_of(platform, principal),
            [
                msgspec.to_builtins(_refused(each.line, _TAKEN[each.code], language))
                for each in telling[:told]
            ],
        )


def _topics(sessions: list[bytes]) -> list[str]:
    """What tells processes of changed sessions; of many, that any may have changed."""
    if len(sessions) > store.MOST_TOLD:
        return ["credential:"]
    return [f"credential:{digest.hex()}" for digest in sessions]


def numbered(file: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    """The lines of *file* that are not empty, with their numbers; a longer one is cut."""
    number = 0
    if file.read(len(BOM)) != BOM:
        file.seek(0)
    while line := file.readline(LONGEST_LINE + 1):
        number += 1
        if len(line) > LONGEST_LINE:
            yield number, line
            while line and not line.endswith(b"\n"):
                line = file.readline(LONGEST_LINE)
        elif line.strip():
            yield number, line


def _checked(
    lines: Iterator[tuple[int, bytes]], made: Imported, kinds: dict[str, str], language: str
) -> list[tuple[Any, ...]]:
    """The next good lines as rows to stage; none behind the last line."""
    rows: list[tuple[Any, ...]] = []
    for number, line in lines:
        try:
            rows.append((number, *_row(line, kinds)))
        except VazaoError as error:
            _refuse(made, number, error, language)
        if len(rows) == LINES_AT_ONCE:
            break
    return rows


def _row(line: bytes, kinds: dict[str, str]) -> tuple[Any, ...]:
    """What a line says: typed and folded names, and ``None`` for what it leaves as it is.

    Raises:
        VazaoError: something in it is wrong.
    """
    if len(line) > LONGEST_LINE:
        raise errors.LineInvalid(reason="it is too long")
    try:
        given = _decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise errors.LineInvalid(reason=_reason(error)) from error
    username, key = names.username_of(given.username)
    email, email_key = names.email_of(None if given.email is msgspec.UNSET else given.email)
    stored, kind = _hash(given.password_hash, kinds)
    return (
        username, key, given.email is not msgspec.UNSET, email, email_key,
        None if given.name is msgspec.UNSET else names.name_of(given.name),
        None if given.roles is msgspec.UNSET else _roles(given.roles),
        None if given.enabled is msgspec.UNSET else given.enabled, stored, kind,
    )


def _hash(given: str | None, kinds: dict[str, str]) -> tuple[str | None, str | None]:
    """A hash as it is kept, and its kind where it is another system's; notes a sample of it."""
    if given is None:
        return None, None
    stored = schemes.normal(given)
    kind = schemes.kind_of(stored)
    if schemes.is_current(stored):
        return stored, None
    if kind not in kinds:
        kinds[kind] = schemes.sample_of(stored)
    return stored, kind


def _roles(given: list[str]) -> list[str]:
    held = sorted(set(given))
    for role in held:
        if role not in ROLES:
            raise errors.RoleUnknown(role)
    return held


def _reason(error: BaseException) -> str:
    """Why a line is no user, without quoting what is in it."""
    text = str(error)
    return text if isinstance(error, msgspec.ValidationError) else "it is no JSON object"


def _refuse(made: Imported, line: int, error: VazaoError, language: str) -> None:
    made.refused += 1
    if len(made.details) < REFUSED_SHOWN:
        made.details.append(_refused(line, error, language))


def _refused(line: int, error: VazaoError, language: str) -> Refused:
    return Refused(line=line, code=error.code, message=error.message(language))
