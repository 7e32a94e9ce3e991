"""What schemathesis must be told of our media types: a piece of an upload is its bytes."""

from __future__ import annotations

from typing import Any

import schemathesis


@schemathesis.serializer("application/offset+octet-stream")
def piece(ctx: Any, value: Any) -> bytes:
    """*value* as the body's bytes."""
    return value if isinstance(value, bytes) else str(value).encode()
