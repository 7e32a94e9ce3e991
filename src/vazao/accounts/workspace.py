"""argon2id with our parameters, in memory that each thread keeps.

The library takes 19 MiB for each hash and gives them back. Where blocks go back to the system at
once, as ``vazao up`` tells the allocator, taking them anew costs a quarter of the hash. The
library's own binding of ``argon2_ctx`` lets the caller say where they are; it wipes them after each
hash as always.
"""

from __future__ import annotations

import base64
import hmac
import threading
from mmap import mmap
from typing import Any

from argon2.exceptions import HashingError
from argon2.low_level import ARGON2_VERSION, Type, core, error_to_str, ffi

KIB, PASSES, LANES = 19 * 1024, 2, 1
_OK, _NO_ROOM = 0, -22
_of_thread = threading.local()


class Workspace:
    """A block of memory for one hash at a time."""

    def __init__(self) -> None:
        self._block = mmap(-1, KIB << 10)
        start = ffi.from_buffer(self._block)

        @ffi.callback("int(uint8_t **, size_t)")
        def take(place: Any, size: int) -> int:
            if size > len(self._block):
                return _NO_ROOM
            place[0] = start
            return _OK

        @ffi.callback("void(uint8_t *, size_t)")
        def give_back(place: Any, size: int) -> None:
            """It stays."""

        self._start, self._take, self._give_back = start, take, give_back

    def digest(self, password: bytes, salt: bytes, length: int) -> bytes:
        """The *length* bytes that argon2id makes of *password*.

        Raises:
            HashingError: it could not be made.
        """
        made, secret, salted = (
            ffi.new("uint8_t[]", given) for given in (length, password or b"\0", salt)
        )
        context = ffi.new("argon2_context *", {
            "version": ARGON2_VERSION, "out": made, "outlen": length, "pwd": secret,
            "pwdlen": len(password), "salt": salted, "saltlen": len(salt), "secret": ffi.NULL,
            "secretlen": 0, "ad": ffi.NULL, "adlen": 0, "t_cost": PASSES, "m_cost": KIB,
            "lanes": LANES, "threads": LANES, "allocate_cbk": self._take,
            "free_cbk": self._give_back, "flags": 0,
        })
        code = core(context, Type.ID.value)
        if code != _OK:
            raise HashingError(error_to_str(code))
        return bytes(ffi.buffer(made, length))


def matches(salt: str, digest: str, password: bytes) -> bool:
    """Whether *password* is the one behind a hash of ours.

    Args:
        salt: as it stands in the hash: base64 without padding.
        digest: likewise.
    """
    workspace = getattr(_of_thread, "workspace", None)
    if workspace is None:
        workspace = _of_thread.workspace = Workspace()
    known = _decoded(digest)
    return hmac.compare_digest(workspace.digest(password, _decoded(salt), len(known)), known)


def _decoded(text: str) -> bytes:
    return base64.b64decode(f"{text}{'=' * (-len(text) % 4)}")
