"""Prometheus metrics: few labels, never a person or an organization in one.

With ``PROMETHEUS_MULTIPROC_DIR`` set (``vazao up``, ``web`` and ``worker`` set it before the
first import of the client library) the processes of a host add up.
"""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Metric,
    multiprocess,
)
from prometheus_client import generate_latest as _generate

from vazao.kit import metric_files

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200)

REQUEST_SECONDS = Histogram(
    "vazao_http_request_seconds",
    "Time to answer an HTTP request, by method, route template and status class",
    ["method", "route", "status"],
    buckets=BUCKETS,
)
JOB_LEAD_SECONDS = Histogram(
    "vazao_job_lead_seconds", "From a job's request to its end, by kind", ["kind"], buckets=BUCKETS
)
JOB_QUEUE_SECONDS = Histogram(
    "vazao_job_queue_seconds", "From a job's request to its start", ["kind"], buckets=BUCKETS
)
JOB_EXECUTION_SECONDS = Histogram(
    "vazao_job_execution_seconds", "Time that workers spent on a job", ["kind"], buckets=BUCKETS
)
NOTICES_SENT = Counter(
    "vazao_notices_sent_total", "Attempts to send notices, by way and what they came to",
    ["way", "outcome"],
)
JOBS_ENDED = Counter("vazao_jobs_ended_total", "Jobs that ended, by kind and status",
                     ["kind", "status"])

REFUSED = Counter(
    "vazao_refused_total", "Requests refused by a quota: storage, resumable (uploads), sheet, "
    "parts (that wait), disk (its floor)", ["quota"],
)
QUOTA_USED = Gauge(
    "vazao_quota_used_ratio", "How much of a quota the organization uses that uses most of it: "
    "1 is all; every host reports the same, so take the greatest", ["quota"],
    multiprocess_mode="mostrecent",
)
PARTS_STUCK = Counter("vazao_parts_stuck_total",
                      "Parts found without progress for ten times what was expected", ["kind"])
CONNECTIONS_ENDED = Counter(
    "vazao_connections_ended_total", "Connections ended since their address held too many"
)
STREAMS_OPEN = Gauge(
    "vazao_streams_open", "Readers that follow live streams", multiprocess_mode="livesum"
)
POOL = Gauge(
    "vazao_database_connections", "Connections of the processes' pools: in_use, idle, waiting "
    "(requests and parts that wait for one)", ["state"], multiprocess_mode="livesum",
)
DISK = Gauge(
    "vazao_disk_bytes", "Where the data folder lies: free and total", ["kind"],
    multiprocess_mode="mostrecent",
)
PARTS_NOW = Gauge(
    "vazao_parts", "Parts of jobs in the database by state: held, queued, running (counted up to "
    "100,000); every host reports the same, so take the greatest", ["state"],
    multiprocess_mode="mostrecent",
)
OLDEST_WAITING = Gauge(
    "vazao_oldest_waiting_seconds", "How long the part has waited that has waited longest; 0: "
    "none waits", multiprocess_mode="mostrecent",
)
WORKERS_LIVE = Gauge(
    "vazao_workers_live", "Workers of all hosts that said lately that they live",
    multiprocess_mode="mostrecent",
)


PROVIDER_AGE = Gauge(
    "vazao_events_provider_age_seconds", "Since when a provider's feed was not seen, by its number "
    "(its page shows it)", ["provider"], multiprocess_mode="mostrecent",
)
PROVIDER_FAILURES = Gauge(
    "vazao_events_provider_failures", "Syncs of a provider that failed in a row", ["provider"],
    multiprocess_mode="mostrecent",
)
PROVIDER_LISTED = Gauge(
    "vazao_events_provider_listed", "Events that a provider's latest feed lists", ["provider"],
    multiprocess_mode="mostrecent",
)
PROVIDER_ASIDE = Gauge(
    "vazao_events_provider_put_aside", "Records of a provider's latest feed that were put aside",
    ["provider"], multiprocess_mode="mostrecent",
)
PROVIDER_LOST = Gauge(
    "vazao_events_provider_lost_half", "1: a provider's feed lost over half of its events",
    ["provider"], multiprocess_mode="mostrecent",
)
EVENTS_HELD = Gauge(
    "vazao_events_held", "Events that a web process holds in memory, the most of any; 0: search "
    "asks the database", multiprocess_mode="livemax",
)
EVENTS_BEHIND = Gauge(
    "vazao_events_behind_seconds", "For how long search may lack changes, the longest of any "
    "process; 0: in step", multiprocess_mode="livemax",
)


class Tally:
    """Observations of a histogram that come by the ten thousand a second: kept here, and added to
    it from time to time (:func:`add_tallies`), since each costs it several locks.
    """

    def __init__(self, child: Any) -> None:
        self._child = child
        self._counts = [0] * (len(BUCKETS) + 1)
        self._seconds = 0.0

    def add(self, seconds: float) -> None:
        """Observe *seconds*; on the event loop alone."""
        self._counts[bisect_left(BUCKETS, seconds)] += 1
        self._seconds += seconds

    def flush(self) -> None:
        """Add what was kept to the histogram, whose own method takes one at a time."""
        counts, self._counts = self._counts, [0] * len(self._counts)
        seconds, self._seconds = self._seconds, 0.0
        for bucket, count in zip(self._child._buckets, counts, strict=True):
            if count:
                bucket.inc(count)
        self._child._sum.inc(seconds)


_TALLIES: list[Tally] = []


def tally(histogram: Histogram, *labels: str) -> Tally:
    """A tally of *histogram* with these labels, which :func:`add_tallies` adds to it."""
    made = Tally(histogram.labels(*labels))
    _TALLIES.append(made)
    return made


def add_tallies() -> None:
    """Add what the process's tallies kept to their histograms."""
    for each in _TALLIES:
        each.flush()


class _Collector(multiprocess.MultiProcessCollector):
    def collect(self) -> Iterable[Metric]:
        metric_files.forget_dead(Path(os.environ["PROMETHEUS_MULTIPROC_DIR"]))
        return super().collect()


def of_all_processes() -> CollectorRegistry:
    """What the processes of this host add up to, those that are gone counted but not shown."""
    registry = CollectorRegistry()
    _Collector(registry)
    return registry


def exposition() -> tuple[bytes, str]:
    """The metrics of all processes of this host: body and content type."""
    registry = None
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        registry = of_all_processes()
    return _generate(registry or REGISTRY), CONTENT_TYPE_LATEST
