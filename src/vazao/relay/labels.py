"""Words for what pages show of relay; gettext message ids."""

from __future__ import annotations

from typing import Final

LABELS: Final = {
    "current": "Up to date", "late": "Late", "held": "Held back", "waiting": "Waiting for its turn",
    "sending": "Sending", "loading": "Loading", "silent": "Silent", "paused": "Paused",
    "not_enrolled": "Not enrolled", "awaited": "Not received yet", "no_list": "No list published",
    "finished": "Finished", "failed": "Failed", "replaced": "Replaced",
}
REASONS: Final = {
    "machine_off": "The machine was off.",
    "machine_replaced": "The machine was replaced.",
    "agent_stopped": "The agent was not running.",
    "agent_state_lost": "The agent lost its state.",
    "network_dns": "The site cannot resolve the hub's name.",
    "network_connect": "The site cannot reach the hub.",
    "network_tls": "The connection is not trusted: a certificate is wrong or has expired.",
    "network_proxy": "The site's proxy refuses the connection.",
    "clock_skew": "The site's clock is wrong.",
    "database_down": "The site's database is not running.",
    "database_login": "The site's database refuses the user or the password.",
    "database_permission": "The database user is not allowed to read a table.",
    "schema_changed": "A table or column of the list does not exist.",
    "query_error": "The list's query fails on the site.",
    "query_timeout": "The list's query takes too long on the site.",
    "source_stale": "The site's system has processed nothing for days.",
    "source_upgraded": "The site's system was upgraded.",
    "source_wrong": "The database belongs to another municipality. Nothing was sent.",
    "disk_full": "The site's disk is full.",
    "hub_busy": "The hub is busy; the list waits for its turn.",
    "hub_error": "The hub could not receive the list.",
    "agent_error": "The agent failed.",
}
DONE: Final = {
    "run": "Requested: the agent sends the site's lists at its next check-in, within a minute or "
    "two.",
    "resend": "Requested: the agent sends all lists again at its next check-in.",
    "restart": "Restart requested: the agent restarts at its next check-in.",
    "diagnose": "Diagnosis requested: the result appears below after the agent's next check-in.",
    "pause": "The site is paused until you resume it.",
    "resume": "The site was resumed.",
    "revoke": "Revoked: the agent has no access any more.",
    "purge": "The site {name} was removed with all its rows.",
    "token": "The line for the new computer of {name} is below.",
    "release": "Released: readers see the new list.",
    "reject": "Rejected: readers keep the previous list, and the site sends it again.",
    "unheard": "No agent has enrolled for this site yet. Nothing is transmitted until one does.",
}
"""What a page says after something was done by it."""
MESSAGES: Final = {
    "started": "The agent started", "stopped": "The agent stopped", "gap": "Not running",
    "failed": "Failed", "sent": "Transmitted", "noticed": "Observation",
    "diagnosed": "Diagnosis",
    "refused": "Refused by the hub", "enrolled": "Enrolled", "revoked": "Revoked",
    "held": "Held back", "released": "Released", "rejected": "Rejected",
}
TEXTS: Final = {
    "added": "Added", "paused": "Paused", "resumed": "Resumed", "run asked": "Requested its lists",
    "resend asked": "Requested all lists again", "restart asked": "Requested a restart",
    "token made": "Created a token", "revoked": "Revoked", "purged": "Removed with all its rows",
    "released": "Released", "rejected": "Rejected", "read": "Viewed the list",
    "published": "Published a version", "exported": "Exported the list",
    "diagnosis asked": "Requested a diagnosis", "agent released": "Released an agent",
    "publisher replaced": "Replaced the publisher's key",
}
