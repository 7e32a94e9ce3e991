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
    """Your organization has a site of this name already."""

    code = "site_exists"


class SiteNameInvalid(BadRequest):
    """A site's name has from 1 to 100 visible characters, without a slash."""

    code = "site_name_invalid"


class SiteMissing(BadRequest):
    """Say which site: site=NAME."""

    code = "site_missing"


class MunicipalityWrong(Conflict):
    """The database is of municipality {found}, the site's is {wanted}. The token was not used: name
    the site's own database, or take the line of the other site.
    """

    code = "municipality_wrong"


class Rejected(Conflict):
    """Somebody rejected this list on the hub; readers keep the one before."""

    code = "list_rejected"


class EnrolmentInvalid(Unauthenticated):
    """This enrolment token is unknown, was used, or is older than seven days."""

    code = "enrolment_invalid"


class AgentUnknown(Unauthenticated):
    """No agent may speak by this identity: it is unknown, was revoked, or was replaced."""

    code = "agent_unknown"


class SignatureWrong(Unauthenticated):
    """The request is not signed by the agent that it names."""

    code = "signature_wrong"


class ClockSkewed(Unauthenticated):
    """The clock of this machine is more than five minutes off."""

    code = "clock_skewed"

    def __init__(self) -> None:
        super().__init__(remedy="Sign with the moment that now says.")
        self.more = {"now": time.time()}


class Replayed(Conflict):
    """A request that is not later than the one before was refused: it may be played back."""

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
    """The window is two times of a day, such as 06:00-20:00 or 22:00-04:00."""

    code = "window_invalid"


class IbgeInvalid(BadRequest):
    """This is no municipality's IBGE code: it has 7 digits, the last of which checks the others (or
    6, without it).
    """

    code = "ibge_invalid"


class HolidaysInvalid(BadRequest):
    """Line {line} of the holidays begins with no date such as 2026-12-25."""

    code = "holidays_invalid"


class FileUnreadable(BadRequest):
    """The file {name} is not text in UTF-8."""

    code = "file_unreadable"


class SourceFilled(ConfigurationError):
    """The database has such tables already; name an empty one."""

    code = "source_filled"


class PublisherWrong(Unprocessable):
    """The list is not signed by your organization's publisher."""

    code = "publisher_wrong"


class ColumnMissing(BadRequest):
    """The list has none of these columns: {names}."""

    code = "column_missing"


class RowsGone(Conflict):
    """The rows that were being read have been replaced meanwhile; begin again."""

    code = "rows_gone"


class ListBusy(Conflict):
    """Somebody is reading the list at length; publish it again in a moment."""

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
    """{count} chunks of the run have not come yet."""

    code = "run_incomplete"


class RunTooLarge(TooLarge):
    """The run brings too much: the hub takes {most} bytes, in chunks of at most {chunk}."""

    code = "run_too_large"


class PackageMissing(NotFound):
    """This hub has no {name}. Run on its machine: make agents."""

    code = "package_missing"


class RunStateInvalid(BadRequest):
    """A transmission's state is one of: {states}."""

    code = "run_state_invalid"


class SlotMissing(TooManyRequests):
    """It is not this run's turn: offer it again, and wait for as long as the answer says."""

    code = "slot_missing"


class ChunkWrong(Unprocessable):
    """The chunk is not the one that the run's manifest names."""

    code = "chunk_wrong"


class ListDiffers(Unprocessable):
    """The rows do not equal the source's list: {rows} rows with digest {digest} came out, the
    source had {source_rows} with {source_digest}.
    """

    code = "list_differs"


class RowsUnreadable(Unprocessable):
    """Rows of the list cannot be read as its columns: {reason}."""

    code = "rows_unreadable"
