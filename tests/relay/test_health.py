"""How the fleet is: what is likely while an agent is silent, with the evidence."""

from __future__ import annotations

from tests.support.relay import LIST, Hub


def diagnosed(hub: Hub, site: str) -> str:
    return hub.running.vazao("relay", "diagnose", site, "-o", hub.organization)


def test_silence_means_what_happened_before_at_this_hour(hub: Hub) -> None:
    hub.publish("quiet", LIST)
    site, agent = hub.agent(hub.source(5))
    agent.run("once")
    assert "quiet: current" in diagnosed(hub, site)
    hub.execute("update relay.agent set seen_at = now() - interval '1 hour'")
    assert "quiet: silent" in diagnosed(hub, site)
    hub.execute(
        "insert into relay.journal (site_id, at, what, cause, list, message, details) "
        "select id, now() - interval '25 hours', 'gap', 'machine_off', '', '', "
        "jsonb_build_object('until', extract(epoch from now() - interval '20 hours')) "
        "from relay.site where name = %s", site,
    )
    said = diagnosed(hub, site)
    assert "quiet: silent machine_off" in said
    assert "off at this time of day before (1 times recently)" in said
    hub.execute(
        "update relay.site set holidays = array[(now() at time zone timezone)::date] "
        "where name = %s", site,
    )
    assert "municipal holiday" in diagnosed(hub, site)
