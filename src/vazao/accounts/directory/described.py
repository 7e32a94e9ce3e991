"""What the reference says of the routes of the directory."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from vazao.accounts import errors
from vazao.accounts.directory.importing import Imported
from vazao.accounts.directory.views import (
    Comparison,
    OldUserView,
    UserChanges,
    UserPage,
    UserView,
)
from vazao.kit.errors import StorageFull, UploadCutOff
from vazao.kit.turns import TooManyWaiting, TurnNotReached
from vazao.kit.web.openapi import (
    NO_STORE,
    PAGED,
    PAGED_REFUSES,
    TEXT,
    Answer,
    Body,
    Header,
    Parameter,
    by_path,
    download,
    says,
)

READ, WRITE = "users:read", "users:write"
AT = "2026-11-25T08:00:00.000000Z"
ANA: dict[str, Any] = {
    "id": 7, "username": "ana", "email": "ana@example.com", "name": "Ana Lima",
    "roles": ["member"], "enabled": True, "created_at": AT, "updated_at": AT,
}
OLD_ANA = ANA | {"userId": 7, "userName": "ana"}
DIGEST = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
NEXT = Header(
    name="Link", about="The next page, as `rel=\"next\"`; not there behind the last.",
    example='</users?limit=50&after=WzQyXQ>; rel="next"', always=False,
)
ID = Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]
BOUNDS = (
    Parameter(name="from", about="Ids from this one on; from the lowest where not given.",
              kind=ID, example=0),
    Parameter(name="to", about="Ids below this one; to the highest where not given.", kind=ID,
              example=262144),
)
USERS = says(
    Answer(about="Users by id, a bare array as existing clients read it.",
           kind=list[OldUserView], example=[OLD_ANA], headers=(NEXT, NO_STORE)),
    parameters=PAGED, refuses=PAGED_REFUSES, scope=READ,
)
USER = says(
    Answer(about="The user.", kind=OldUserView, example=OLD_ANA, headers=(NO_STORE,)),
    parameters=(by_path("id", "The user's id.", "7"),), refuses=(errors.UserNotFound,), scope=READ,
)
LIST_USERS = says(
    Answer(about="A page of users by id.", kind=UserPage, example={"items": [ANA], "next": None},
           headers=(NO_STORE,)),
    parameters=PAGED, refuses=PAGED_REFUSES, scope=READ,
)
GET_USER = says(
    Answer(about="The user.", kind=UserView, example=ANA, headers=(NO_STORE,)),
    parameters=(by_path("id", "The user's id.", "7"),), refuses=(errors.UserNotFound,), scope=READ,
)
CHANGES = says(
    Answer(about="A piece of the feed.", kind=UserChanges, headers=(NO_STORE,), example={
        "items": [{"id": 7, "change": "changed", "changed_at": AT, "user": ANA}],
        "next": "WyI4MDYiLDFd",
    }),
    parameters=PAGED, refuses=PAGED_REFUSES, scope=READ,
)
COMPARE = says(
    Answer(about="Count and digest of the range, and of at most 64 parts of it, without those "
                 "that hold no user.",
           kind=Comparison, headers=(NO_STORE,), example={
               "from": 0, "to": 64, "count": 1, "digest": DIGEST, "cursor": "WyI4MDYiLC0xXQ",
               "items": [{"from": 7, "to": 8, "count": 1, "digest": DIGEST}],
           }),
    parameters=BOUNDS, refuses=(errors.RangeInvalid,), scope=READ,
)
EXPORT = says(
    Answer(about="Every user by id, a line of JSON each.", kind=TEXT,
           media="application/x-ndjson", example='{"id":7,"username":"ana"}\n',
           headers=(download("users.ndjson"), NO_STORE, Header(
               name="Changes-Cursor", about="Where the feed of changes goes on from this export.",
               example="WyI4MDYiLC0xXQ",
           ))),
    parameters=(Parameter(name="after", about="Only ids above this one: the last line that came.",
                          kind=ID, example=7),),
    refuses=(errors.RangeInvalid,), scope=READ,
)
IMPORT = says(
    Answer(about="What came of it; the first thousand refused lines say why.", kind=Imported,
           headers=(NO_STORE,), example={
               "created": 1, "updated": 0, "unchanged": 0, "refused": 1, "details": [
                   {"line": 2, "code": "email_taken",
                    "message": "Another user has that e-mail address."},
               ],
           }),
    bodies=(Body(media="application/x-ndjson", kind=TEXT, required=False, example=(
        '{"username": "ana", "email": "ana@example.com", "password_hash": "$2b$12$…"}\n'
    )),),
    refuses=(errors.ImportTooLarge, errors.UsernameTaken, errors.NamesAskedTooOften,
             errors.TooManyNamesTaken, StorageFull, UploadCutOff, TooManyWaiting,
             TurnNotReached), scope=WRITE,
)
