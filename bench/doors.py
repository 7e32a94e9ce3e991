"""How people get in: by our page with tickets, without them, and by others' doors."""

from __future__ import annotations

import re
from dataclasses import dataclass

from people import PASSWORD


@dataclass(frozen=True)
class Door:
    """Where the form is, what it sends, and what lets in.

    Attributes:
        page: the form's address; nothing where there is none.
        cookie: comes with the form, and goes back with it.
        proof: the form's field that shows where it came from.
        path: where it is sent.
        name: its field for the name; the password's is ``password``.
        suffix: what stands behind ``user1`` there.
        status: of the answer that lets in.
        session: the cookie of one who is in.
        accept: what the answer may be.
        patient: whoever is told to come back later does.
    """

    page: str
    cookie: str
    proof: str
    path: str
    name: str
    suffix: str
    status: bytes
    session: str
    accept: str = "application/json"
    patient: bool = False

    def find(self, page: bytes) -> tuple[str, str]:
        """The cookie and the proof in a page with the form."""
        cookie = re.search(rb"set-cookie: ?(%b=[^;\r]+)" % self.cookie.encode(), page, re.I)
        proof = re.search(rb'name="%b" value="([^"]+)"' % self.proof.encode(), page)
        if not cookie or not proof:
            raise SystemExit(f"no form: {page[:300]!r}")
        return cookie[1].decode(), proof[1].decode()

    def fields(self, n: int, proof: str, ticket: str) -> dict[str, str]:
        """What one of the people sends."""
        given = {self.name: f"user{n}{self.suffix}", "password": PASSWORD}
        if self.proof:
            given |= {self.proof: proof, "next": "/"}
        return given | ({"ticket": ticket} if self.patient else {})


OURS = ("/login", "vazao_visitor", "csrf", "/login", "username", "", b"303", "vazao_session")
DOORS = {
    "patient": Door(*OURS, patient=True),
    "once": Door(*OURS),
    "allauth": Door("/accounts/login/", "csrftoken", "csrfmiddlewaretoken", "/accounts/login/",
                    "login", "", b"302", "sessionid", "text/html"),
    "fastapi": Door("", "", "", "/auth/cookie/login", "username", "@example.com", b"204",
                    "fastapiusersauth"),
}
