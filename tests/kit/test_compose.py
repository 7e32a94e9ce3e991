"""``compose.yaml``: what its containers share, and what they must not."""

from __future__ import annotations

import re
import secrets
from typing import Any
from urllib.parse import urlsplit

import psycopg
import yaml

from tests.support.databases import address
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


def test_the_platform_signs_in_as_a_plain_role(
    admin: psycopg.Connection[Any], server_url: str
) -> None:
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text())
    url = urlsplit(compose["x-vazao"]["environment"]["VAZAO_DATABASE_URL"])
    server = compose["services"]["postgres"]
    assert url.username != server["environment"].get("POSTGRES_USER", "postgres")
    assert "./deploy/role.sql:/docker-entrypoint-initdb.d/role.sql:ro" in server["volumes"]
    # Its statements, for a name that is free here.
    name = f"compose_{secrets.token_hex(4)}"
    text = (ROOT / "deploy" / "role.sql").read_text().replace("vazao", name)
    for statement in text.split(";")[:-1]:
        admin.execute(statement.encode())
    place = urlsplit(server_url).netloc.rpartition("@")[2]
    own = url._replace(netloc=f"{name}:{url.password}@{place}").geturl()
    with psycopg.connect(address(own, name)) as conn:
        query = "select rolsuper from pg_roles where rolname = current_user"
        assert conn.execute(query).fetchone() == (False,)
        conn.execute("create extension pg_trgm")
        conn.rollback()
    admin.execute(f"drop database {name} with (force)".encode())
    admin.execute(f"drop role {name}".encode())


def test_what_others_publish_is_pinned() -> None:
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text())
    images = {s["image"] for s in compose["services"].values()} - {"vazao:development"}
    bases = re.findall(r"^FROM (\S+)", (ROOT / "deploy" / "Dockerfile").read_text(), re.M)
    assert len(images) == len(bases) == 2
    assert all(re.search(r"@sha256:[0-9a-f]{64}$", each) for each in {*images, *bases})
    flow = (ROOT / ".github" / "workflows" / "ci.yml").read_text()
    actions = re.findall(r"uses: *(\S+)", flow)
    assert actions
    assert all(re.search(r"@[0-9a-f]{40}$", each) for each in actions)
