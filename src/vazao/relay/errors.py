"""What can be wrong with a site, an agent, a list or a run, each with its remedy."""

from __future__ import annotations

import time

from vazao.kit.errors import (
    BadRequest,
    ConfigurationError,
    Conflict,
    NotFound,
    TooLarge,
    TooManyRequests,
    Unauthenticated,
    Unprocessable,
)


class SiteNotFound(NotFound):
    """There is no such site."""

    code = "site_not_found"


class SiteExists(Conflict):
    """Your organization already has a site of this name."""

    code = "site_exists"


class SiteNameInvalid(BadRequest):
    """A site's name has from 1 to 100 visible characters, without a slash."""

    code = "site_name_invalid"


class SiteMissing(BadRequest):
    """Name the site: site=NAME."""

    code = "site_missing"


class MunicipalityWrong(Conflict):
    """The database belongs to municipality {found}, but the site to {wanted}. The token was not
    used up: use the site's own database, or the line of the other site.
    """

    code = "municipality_wrong"


class Rejected(Conflict):
    """This list was rejected on the hub. Readers keep the previous one."""

    code = "list_rejected"


class EnrolmentInvalid(Unauthenticated):
    """This enrolment token is unknown, was used, or is older than seven days."""

    code = "enrolment_invalid"


class AgentUnknown(Unauthenticated):
    """This agent's identity is unknown, was revoked, or was replaced."""

    code = "agent_unknown"


class SignatureWrong(Unauthenticated):
    """The request is not signed by the agent that it names."""

    code = "signature_wrong"


class ClockSkewed(Unauthenticated):
    """The clock of this machine is wrong by more than five minutes."""

    code = "clock_skewed"

    def __init__(self) -> None:
        super().__init__(remedy="Sign with the time given in now.")
        self.more = {"now": time.time()}


class Replayed(Conflict):
    """The request was refused because it is not newer than the previous one: it may be a replay."""

    code = "replayed"


class ListNotFound(NotFound):
    """There is no such list."""

    code = "list_not_found"


class ListInvalid(BadRequest):
    """The list is not valid."""

    code = "list_invalid"


class IntervalInvalid(BadRequest):
    """The interval must be from 1 minute to 90 days, such as 30m, 24h or 7d."""

    code = "interval_invalid"


class WindowInvalid(BadRequest):
    """Write the window as two times of day, such as 06:00-20:00 or 22:00-04:00."""

    code = "window_invalid"


class IbgeInvalid(BadRequest):
    """This is not an IBGE code of a municipality: it has 7 digits (the last is a check digit), or 6
    without the check digit.
    """

    code = "ibge_invalid"


class HolidaysInvalid(BadRequest):
    """Line {line} of the holidays does not begin with a date such as 2026-12-25."""

    code = "holidays_invalid"


class FileUnreadable(BadRequest):
    """The file {name} is not text in UTF-8."""

    code = "file_unreadable"


class SourceFilled(ConfigurationError):
    """The database already has these tables. Use an empty database."""

    code = "source_filled"


class PublisherWrong(Unprocessable):
    """The list is not signed by your organization's publisher."""

    code = "publisher_wrong"


class ColumnMissing(BadRequest):
    """The list has none of these columns: {names}."""

    code = "column_missing"


class RowsGone(Conflict):
    """The rows that you were reading have been replaced. Start again."""

    code = "rows_gone"


class ListBusy(Conflict):
    """A long read of the list is in progress. Publish again in a moment."""

    code = "list_busy"


class KeyUnreadable(ConfigurationError):
    """The signing key {path} cannot be used: {reason}."""

    code = "key_unreadable"


class RunUnknown(NotFound):
    """There is no such run of this site."""

    code = "run_unknown"


class RunOutdated(Conflict):
    """The run belongs to another version of the list, or to rows that the hub no longer has."""

    code = "run_outdated"


class RunEnded(Conflict):
    """The run has ended, or is being loaded already."""

    code = "run_ended"


class RunIncomplete(Conflict):
    """{count} chunks of the run have not arrived yet."""

    code = "run_incomplete"


class RunTooLarge(TooLarge):
    """The run is too large: the hub accepts {most} bytes, in chunks of at most {chunk}."""

    code = "run_too_large"


class PackageMissing(NotFound):
    """This hub has no {name}. Run this on the hub: make agents"""

    code = "package_missing"


class RunStateInvalid(BadRequest):
    """A transmission's state is one of: {states}."""

    code = "run_state_invalid"


class SlotMissing(TooManyRequests):
    """It is not this run's turn yet. Offer it again after the time that the answer states."""

    code = "slot_missing"


class ChunkWrong(Unprocessable):
    """The chunk does not match the run's manifest."""

    code = "chunk_wrong"


class ListDiffers(Unprocessable):
    """The rows do not match the source: the hub has {rows} rows with digest {digest}, the source
    had {source_rows} with {source_digest}.
    """

    code = "list_differs"


class RowsUnreadable(Unprocessable):
    """Rows of the list cannot be read as its columns: {reason}."""

    code = "rows_unreadable"
