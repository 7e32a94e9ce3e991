"""Multipart forms, streamed: the file goes to the intake, the few small fields are kept."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from dataclasses import dataclass, field

from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header

from vazao.kit.errors import UploadCutOff
from vazao.kit.platform import Platform
from vazao.kit.web.parameters import refuse_repeated, refuse_unknown
from vazao.uploads import intake
from vazao.uploads.errors import FormInvalid
from vazao.uploads.models import Upload
from vazao.uploads.quotas import TASK, Owner, Purpose

FIELD_BYTES = 64 << 10
FIELDS = 100
Take = Callable[[MultipartSegment, AsyncIterator[bytes]], Awaitable[None]]
"""What is done with a form's file: given its head and its bytes."""


def parser_of(content_type: str) -> PushMultipartParser:
    """A parser for a form of this ``Content-Type``.

    Raises:
        FormInvalid: it is not multipart/form-data, or names no boundary.
    """
    kind, options = parse_options_header(content_type)
    if kind.lower() != "multipart/form-data" or not options.get("boundary"):
        raise FormInvalid(
            "The form is not multipart/form-data.", remedy="Send multipart/form-data."
        )
    try:
        return PushMultipartParser(options["boundary"], max_segment_count=FIELDS + 1)
    except MultipartError as error:
        raise FormInvalid(reason=str(error)) from error


@dataclass
class Form:
    """A form being read: its events, and the fields so far."""

    stream: AsyncIterator[bytes]
    parser: PushMultipartParser
    known: Collection[str] | None = None
    fields: dict[str, str] = field(default_factory=dict)

    async def events(self) -> AsyncIterator[MultipartSegment | bytes | bytearray | None]:
        """The parser's events: a segment's head, its bytes, then ``None``.

        Raises:
            UploadCutOff: the form ended before its last boundary.
            FormInvalid: it is malformed.
        """
        try:
            async for chunk in self.stream:
                for event in self.parser.parse(chunk) if chunk else ():
                    yield event
        except MultipartError as error:
            raise FormInvalid(reason=str(error)) from error
        try:
            self.parser.close()
        except MultipartError as error:
            raise UploadCutOff from error

    async def read(self, file_field: str, take: Take) -> None:
        """Read the whole form: *take* gets the file, the fields are kept.

        Raises:
            FormInvalid: it is malformed, or has not one file, called *file_field*.
        """
        events, taken = self.events(), False
        async for head in events:
            assert isinstance(head, MultipartSegment)
            if head.name != file_field and not head.filename:
                await self.value(events, head)
            elif head.name != file_field or taken:
                raise FormInvalid("The form may have only one file: {name}.", name=file_field)
            else:
                await take(head, _content(events))
                taken = True
        if not taken:
            raise FormInvalid("The form's field {name} with a file is missing.", name=file_field)

    async def value(self, events: AsyncIterator[object], head: MultipartSegment) -> None:
        """Keep the small field whose head was just read.

        Raises:
            FormInvalid: it is too long or not UTF-8.
            UnknownParameter: its name is not known.
            ParameterRepeated: it stood there before with another value.
        """
        pieces, name = bytearray(), head.name or ""
        if self.known is not None:
            refuse_unknown([name], self.known)
        async for event in events:
            if event is None:
                break
            assert isinstance(event, (bytes, bytearray))
            pieces += event
            if len(pieces) > FIELD_BYTES:
                raise FormInvalid(
                    "The form's field {name} has more than {limit} bytes.",
                    name=name, limit=FIELD_BYTES,
                )
        try:
            value = pieces.decode()
        except UnicodeDecodeError as error:
            raise FormInvalid("The form's field {name} is not UTF-8.", name=name) from error
        refuse_repeated(name, (self.fields.setdefault(name, value), value))


async def _content(events: AsyncIterator[object]) -> AsyncIterator[bytes]:
    async for event in events:
        if event is None:
            return
        assert isinstance(event, (bytes, bytearray))
        yield bytes(event)


async def receive_form(
    platform: Platform, owner: Owner, stream: AsyncIterator[bytes], content_type_header: str, *,
    file_field: str = "file", limit_bytes: int, purpose: Purpose = TASK, announced: int = 0,
    sha256: bool = False, known: Collection[str] | None = None,
) -> tuple[Upload, dict[str, str]]:
    """Store the form's one file and return it with the other fields.

    Args:
        file_field: the field that holds the file; another field with a file is refused.
        purpose, announced: as the intake's; the announced length is that of the whole form.
        limit_bytes: the most that the file may have. Fields: 64 KiB each, 100 in all.
        known: the names of the other fields that it may have; any where not given.

    Raises:
        FormInvalid, UnknownParameter: malformed; too many fields, or one not *known*; not one file.
        UploadTooLarge, UploadCutOff, StorageFull: as the intake's.
    """
    stored: list[Upload] = []

    async def store(head: MultipartSegment, content: AsyncIterator[bytes]) -> None:
        stored.append(await intake.receive(
            platform, owner, content, filename=head.filename, purpose=purpose,
            content_type=head.content_type, limit_bytes=limit_bytes, sha256=sha256,
            announced=announced,
        ))

    form = Form(stream, parser_of(content_type_header), known)
    try:
        await form.read(file_field, store)
    except BaseException:
        for upload in stored:
            await intake.delete_upload(platform, upload)
        raise
    return stored[0], form.fields


async def digest_form(
    stream: AsyncIterator[bytes], content_type_header: str, *, file_field: str = "file",
    limit_bytes: int, known: Collection[str] | None = None,
) -> tuple[str, dict[str, str]]:
    """The SHA-256 (hex) of the form's one file, and the other fields; nothing is stored.

    Raises:
        FormInvalid, UnknownParameter, UploadTooLarge, UploadCutOff: as :func:`receive_form`.
    """
    found: list[str] = []

    async def digest(head: MultipartSegment, content: AsyncIterator[bytes]) -> None:
        found.append(await intake.digest_of(content, limit_bytes))

    form = Form(stream, parser_of(content_type_header), known)
    await form.read(file_field, digest)
    return found[0], form.fields
