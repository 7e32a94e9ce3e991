"""What is announced when events change."""

from __future__ import annotations

TOPIC = "events:all"
"""Every web process reads anew what search shows."""
KIND = "events"
