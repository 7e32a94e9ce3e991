"""What schemathesis must be told of our media types: pieces of uploads and lines are bytes."""

from __future__ import annotations

from typing import Any

import schemathesis


@schemathesis.serializer("application/offset+octet-stream", "application/x-ndjson")
def piece(ctx: Any, value: Any) -> bytes:
    """*value* as the body's bytes."""
    return value if isinstance(value, bytes) else str(value).encode()
