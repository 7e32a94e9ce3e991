"""Every kind of job says who may begin it: only they may cancel it, or let it start over."""

from __future__ import annotations

from vazao.main import registry

BY_ADMINS = {
    "leads.purge": "erasing a person is an administrator's",
    "relay.load": "runs of sites are ordered by who carries relay:admin, which members do not",
}
BY_MEMBERS = {
    "leads.import": "members carry leads:write",
    "leads.index": "follows an import by itself",
    "images.randomize": "members carry jobs:write",
    "numbers.sum_even": "members carry jobs:write",
    "events.sync": "members carry events:write",
}


def test_every_kind_says_who_may_begin_it() -> None:
    kinds = registry().job_kinds
    assert {name for name, kind in kinds.items() if kind.admin} == set(BY_ADMINS)
    assert {name for name, kind in kinds.items() if not kind.admin} == set(BY_MEMBERS)
