"""What the OpenAPI document says of ``/files``: the headers and answers that the routes read and
write themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from litestar.openapi.spec import (
    OpenAPIMediaType,
    OpenAPIResponse,
    Operation,
    Parameter,
    RequestBody,
    Schema,
)
from litestar.openapi.spec.enums import OpenAPIFormat, OpenAPIType

from vazao.uploads.tus.headers import BODY_TYPE

VERSION = "Tus-Resumable"
OFFSET, LENGTH = "Upload-Offset", "Upload-Length"
METADATA, CHECKSUM = "Upload-Metadata", "Upload-Checksum"


@dataclass
class TusOperation(Operation):
    """An operation of tus: its request's headers (True: required), body, and refusals."""

    wants: ClassVar[dict[str, bool]] = {VERSION: True}
    body: ClassVar[bool] = False
    refuses: ClassVar[dict[int, str]] = {}

    def __post_init__(self) -> None:
        """Add to what the framework found in the handler's signature."""
        self.parameters = [
            *(self.parameters or []),
            *(
                Parameter(name=name, param_in="header", required=required,
                          schema=Schema(type=OpenAPIType.STRING))
                for name, required in self.wants.items()
            ),
        ]
        if self.body:
            schema = Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY)
            self.request_body = RequestBody(content={BODY_TYPE: OpenAPIMediaType(schema=schema)})
        refused = {404: "no such upload here", 412: "another version of tus"} | self.refuses
        self.responses = (self.responses or {}) | {
            str(status): OpenAPIResponse(description=why) for status, why in refused.items()
        }


@dataclass
class Creation(TusOperation):
    """``POST /files``."""

    wants: ClassVar[dict[str, bool]] = {
        VERSION: True, LENGTH: True, METADATA: False, CHECKSUM: False
    }
    body: ClassVar[bool] = True
    refuses: ClassVar[dict[int, str]] = {
        413: "longer than Tus-Max-Size", 429: "too many uploads wait", 460: "wrong checksum",
        507: "no room is left",
    }


@dataclass
class Append(TusOperation):
    """``PATCH /files/{id}``."""

    wants: ClassVar[dict[str, bool]] = {VERSION: True, OFFSET: True, CHECKSUM: False}
    body: ClassVar[bool] = True
    refuses: ClassVar[dict[int, str]] = {
        409: "the upload stands at another offset", 413: "beyond Upload-Length",
        415: f"not {BODY_TYPE}", 423: "another request writes: try again",
        460: "wrong checksum", 507: "no room is left",
    }


@dataclass
class Override(Append):
    """``POST /files/{id}``."""

    wants: ClassVar[dict[str, bool]] = {
        VERSION: True, "X-HTTP-Method-Override": True, OFFSET: False, CHECKSUM: False
    }


@dataclass
class Termination(TusOperation):
    """``DELETE /files/{id}``."""

    refuses: ClassVar[dict[int, str]] = {409: "a job has taken the file"}
