"""What tests of relay share."""

from tests.support.hubs import hub, shared_hub

__all__ = ["hub", "shared_hub"]
