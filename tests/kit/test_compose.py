"""``compose.yaml``: what its containers share, and what they must not."""

from __future__ import annotations

import re

import yaml

from tests.support.sources import ROOT


def test_each_container_has_metrics_of_its_own() -> None:
    services = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    ours = {
        name: made for name, made in services.items() if "files:/data" in made.get("volumes", [])
    }
    user = re.search(r"--uid (\d+)", (ROOT / "deploy" / "Dockerfile").read_text())
    assert user is not None
    assert set(ours) == {"migrate", "web", "worker"}
    for made in ours.values():
        assert made["tmpfs"] == [f"/data/metrics:uid={user[1]},mode=0700"]
