"""Words for what pages show of relay; gettext message ids."""

from __future__ import annotations

from typing import Final

LABELS: Final = {
    "current": "Up to date", "late": "Late", "held": "Held back", "waiting": "Waiting for its turn",
    "sending": "Being sent", "loading": "Being loaded", "silent": "Silent", "paused": "Paused",
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
    "database_permission": "The database user may not read a table.",
    "schema_changed": "A table or column of the list is not there.",
    "query_error": "The list's query fails on the site.",
    "query_timeout": "The list's query takes too long on the site.",
    "source_stale": "The site's system has not processed for days.",
    "source_upgraded": "The site's system was upgraded.",
    "source_wrong": "The database is another municipality's; nothing was sent.",
    "disk_full": "The site's disk is full.",
    "hub_busy": "The hub is busy; the list waits for its turn.",
    "hub_error": "The hub could not take the list.",
    "agent_error": "The agent failed.",
}
DONE: Final = {
    "run": "Asked: the agent sends the site's lists at its next check-in, within a minute or two.",
    "resend": "Asked: the agent sends everything again at its next check-in.",
    "restart": "Asked: the agent restarts at its next check-in.",
    "diagnose": "Asked: the agent says below, after its next check-in, what is in the way.",
    "pause": "The site rests: nothing is asked of it until it is resumed.",
    "resume": "The site works again.",
    "revoke": "Revoked: the agent may speak no more.",
    "purge": "The site {name} was removed with all its rows.",
    "token": "The line for the new computer of {name} is below.",
    "release": "Released: readers see the new list.",
    "reject": "Rejected: readers keep the former list, and the site sends it again.",
    "unheard": "No agent has enrolled for this site: nothing happens until one does.",
}
"""What a page says after something was done by it."""
MESSAGES: Final = {
    "started": "The agent started", "stopped": "The agent stopped", "gap": "Not running",
    "failed": "Failed", "sent": "Transmitted", "noticed": "Noticed",
    "diagnosed": "Looked for what is in the way",
    "refused": "Refused by the hub", "enrolled": "Enrolled", "revoked": "Revoked",
    "held": "Held back", "released": "Released", "rejected": "Rejected",
}
TEXTS: Final = {
    "added": "Added", "paused": "Paused", "resumed": "Resumed", "run asked": "Asked for its lists",
    "resend asked": "Asked for everything again", "restart asked": "Asked for a restart",
    "token made": "Made a token", "revoked": "Revoked", "purged": "Removed with all its rows",
    "released": "Released", "rejected": "Rejected", "read": "Looked at the list",
    "published": "Published a version", "exported": "Exported the list",
    "diagnosis asked": "Asked for a diagnosis", "agent released": "Released an agent",
    "publisher replaced": "Replaced the publisher's key",
}
