"""What ops asks of PostgreSQL's own statistics, and keeps; connection in, never commits."""

from vazao.ops.store import activity, alarms, counters, plans, samples, server, spent, usual

__all__ = ["activity", "alarms", "counters", "plans", "samples", "server", "spent", "usual"]
