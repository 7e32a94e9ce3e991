"""Hold every route to the reference with schemathesis: with a token, as an admin, with neither.

    python scripts/clients/conform.py            a platform of its own, at least 1,000 cases
    python scripts/clients/conform.py --brief    a few cases of each route

Prints what failed and how to repeat it; the last line is JSON with the number of cases.
"""

from __future__ import annotations

import json
import os
import re
import struct
import subprocess
import sys
import threading
import time
import urllib.request
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))
import running

from vazao.events.sample import Sample

LEAST_CASES = 1_000
SCOPES = (
    "jobs:read", "jobs:write", "leads:read", "leads:write", "events:read", "events:write",
    "users:read", "users:write", "relay:read", "relay:admin",
)
PASSWORD = "três pratos de trigo"  # noqa: S105 - of a platform that lives for minutes
ENDS_ITSELF = ("deleteSession", "changePassword")
EVERYTHING = "starts_at=0001-01-01T00:00:00Z&ends_at=9999-12-31T00:00:00Z"
COUNTED = re.compile(r"(\d+) generated")


def ask(
    address: str, token: str, path: str, body: bytes | None = None, **headers: str
) -> tuple[dict[str, Any], str]:
    """The JSON of an answer, and its Location."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    if token:
        given["Authorization"] = f"Bearer {token}"
    request = urllib.request.Request(  # noqa: S310 - our own address
        f"{address}{path}", data=body, headers=given
    )
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
        text = answer.read()
        return json.loads(text) if text else {}, answer.headers.get("Location", "")


def picture() -> bytes:
    """A black PNG of 60 × 60 pixels."""
    pieces = [b"\x89PNG\r\n\x1a\n"]
    head = struct.pack(">IIBBBBB", 60, 60, 8, 0, 0, 0, 0)
    for kind, data in (
        (b"IHDR", head), (b"IDAT", zlib.compress(bytes(61) * 60)), (b"IEND", b"")
    ):
        body = kind + data
        pieces.append(struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body)))
    return b"".join(pieces)


def prepare(address: str, token: str) -> dict[str, str]:
    """Ended work and things that are there: their ids, as ``schemathesis.toml`` takes them."""
    made, _ = ask(address, token, "/v1/leads/imports", b"E-mail\na@example.com\nx\n",
                  Content_Type="text/csv")
    summed, _ = ask(address, token, "/sum-even", b"2 4", Content_Type="text/plain")
    shuffled, _ = ask(address, token, "/randomize", picture(), Content_Type="image/png")
    _, upload = ask(address, token, "/files", b"", Tus_Resumable="1.0.0", Upload_Length="1000000")
    leads: list[dict[str, Any]] = []
    deadline = time.monotonic() + 60
    ended = False
    while not (leads and ended):
        if time.monotonic() > deadline:
            raise SystemExit("The work of the preparation did not end.")
        time.sleep(0.2)
        leads = ask(address, token, "/v1/leads")[0]["items"]
        jobs = ask(address, token, "/v1/jobs")[0]["items"]
        ended = all(job["status"] == "finished" for job in jobs)
    return {
        "VAZAO_CASE_IMPORT": made["id"], "VAZAO_CASE_SUM": summed["token"],
        "VAZAO_CASE_PICTURE": shuffled["token"], "VAZAO_CASE_LEAD": leads[0]["id"],
        "VAZAO_CASE_UPLOAD": upload.rpartition("/")[2],
    }


@contextmanager
def provider(platform: running.Running, token: str) -> Iterator[dict[str, str]]:
    """A provider of the organization whose feed was synced: its name, and the id of an event."""
    sample = Sample(0, said=False)
    thread = threading.Thread(target=sample.serve)
    thread.start()
    try:
        address = f"http://127.0.0.1:{sample.port}/feed.xml"
        platform.vazao("events", "add-provider", "sample", address, "-o", "acme", "--every", "1d")
        platform.vazao("events", "sync", "sample")
        found, _ = ask(platform.address, token, f"/search?{EVERYTHING}")
        yield {
            "VAZAO_CASE_PROVIDER": "sample", "VAZAO_CASE_EVENT": found["data"]["events"][0]["id"],
        }
    finally:
        sample.close()
        thread.join()


def admin(platform: running.Running) -> tuple[str, dict[str, str]]:
    """The session of an admin of the platform, and the id of a user that may be changed."""
    for name, roles in (("maria", ("--role", "admin")), ("joana", ())):
        platform.vazao("accounts", "create-user", name, "--organization", "public", *roles,
                       "--password-stdin", text=PASSWORD + "\n")
    given = json.dumps({"username": "maria", "password": PASSWORD}).encode()
    signed, _ = ask(platform.address, "", "/v1/sessions", given, Content_Type="application/json")
    found, _ = ask(platform.address, signed["token"], "/v1/users")
    joana = next(each for each in found["items"] if each["username"] == "joana")
    return signed["token"], {"VAZAO_CASE_USER": str(joana["id"])}


def hold(address: str, ids: dict[str, str], options: list[str], name: str) -> int:
    """Run schemathesis against *address*; how many cases it made.

    Raises:
        SystemExit: a route does not do what the reference says.
    """
    program = running.tool("schemathesis")
    done = subprocess.run(
        [program, "--config-file", str(running.HERE / "schemathesis.toml"), "run",
         f"{address}/openapi.json", "--no-color", *options],
        env=os.environ | ids | {"SCHEMATHESIS_HOOKS": str(running.HERE / "cases.py")},
        cwd=running.BUILD, capture_output=True, text=True, check=False,
    )
    log = running.BUILD / f"conform-{name}.log"
    log.write_text(done.stdout + done.stderr)
    found = COUNTED.search(done.stdout)
    if done.returncode != 0 or found is None:
        raise SystemExit(f"{done.stdout}{done.stderr}\nschemathesis failed {name}: {log}")
    return int(found[1])


def main(arguments: list[str]) -> None:
    """Do what the command line asks."""
    began = time.monotonic()
    brief = ["--max-examples", "1", "--phases", "examples,coverage"]
    options = brief if "--brief" in arguments else []
    running.BUILD.mkdir(parents=True, exist_ok=True)
    with running.platform() as platform:
        token = platform.token("acme", *SCOPES)
        ids = prepare(platform.address, token)
        by_token = ["--header", f"Authorization: Bearer {token}"]
        session, user = admin(platform)
        by_admin = ["--header", f"Authorization: Bearer {session}", "--include-tag", "accounts"]
        for each in ENDS_ITSELF:
            by_admin += ["--exclude-operation-id", each]
        with provider(platform, token) as more:
            ids |= more | user
            cases = {
                "with a token": hold(platform.address, ids, [*options, *by_token], "token"),
                "as an admin": hold(platform.address, ids, [*options, *by_admin], "admin"),
                "without": hold(platform.address, ids, options, "public"),
            }
    total = sum(cases.values())
    sys.stdout.write(json.dumps({
        "claim": "every route answers as the reference says", "cases": cases, "failures": 0,
        "seconds": round(time.monotonic() - began, 1),
    }) + "\n")
    if not options and total < LEAST_CASES:
        raise SystemExit(f"Only {total} cases; at least {LEAST_CASES} are wanted.")


if __name__ == "__main__":
    main(sys.argv[1:])
