"""What can go wrong with jobs."""

from __future__ import annotations

from vazao.kit.errors import BadRequest, Conflict, Forbidden, NotFound, TooManyRequests, VazaoError


class JobNotFound(NotFound):
    """There is no such job."""

    code = "job_not_found"


class JobFailed(VazaoError):
    """The job failed."""

    code = "job_failed"


class JobLost(VazaoError):
    """The job was given up: workers stopped {times} times while processing it."""

    code = "job_lost"


class JobStuck(VazaoError):
    """The job was stopped: one of its parts showed no progress for {seconds} seconds."""

    code = "job_stuck"


class JobNeedsAdmin(Forbidden):
    """Only an administrator of the organization can cancel this job or start it over."""

    code = "job_needs_admin"


class JobNotEnded(Conflict):
    """The job is still running. Only a job that failed or was cancelled can start over."""

    code = "job_not_ended"


class JobFinished(Conflict):
    """The job has finished; there is nothing to retry."""

    code = "job_finished"


class FileGone(Conflict):
    """The file of this job has been deleted, so the job cannot start over."""

    code = "file_gone"

    def __init__(self) -> None:
        super().__init__(remedy="Send the file again.")


class JobEnded(Conflict):
    """The job has already ended."""

    code = "job_ended"


class StatusInvalid(BadRequest):
    """A job's status is queued, running, finished, failed or cancelled."""

    code = "status_invalid"


class KindUnknown(VazaoError):
    """This version does not know jobs of the kind {kind}."""

    code = "kind_unknown"


class TooMuchWaiting(TooManyRequests):
    """At most {limit} parts of jobs may wait at a time, and the limit is reached."""

    code = "too_much_waiting"


class IdempotencyClash(Conflict):
    """This Idempotency-Key was used within the last 24 hours with another request."""

    code = "idempotency_conflict"



class PartSignal(Exception):
    """Why a part stops quietly: nothing is wrong, but its work no longer counts."""


class Fenced(PartSignal):
    """The part was taken back or cancelled: this attempt may not commit."""


class JobCancelled(PartSignal):
    """The job has ended (cancelled, or failed by a sibling): stop working on it."""


class HandBack(Exception):
    """This worker cannot run the part now; another attempt may."""
