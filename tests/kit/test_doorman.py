"""The doorman, over real connections that this process itself accepts."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable, Iterator
from ipaddress import ip_address

import pytest

from vazao.kit.doorman import Doorman, share

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="NOT TESTED: only Linux tells what sockets have seen"
)


class Place:
    """A server's socket, and what it accepted."""

    def __init__(self, family: socket.AddressFamily = socket.AF_INET) -> None:
        self.socket = socket.socket(family)
        self.socket.bind(("::1" if family == socket.AF_INET6 else "127.0.0.1", 0))
        self.socket.listen(64)
        self.address, self.port = self.socket.getsockname()[:2]
        self.accepted: list[socket.socket] = []
        self.clients: list[socket.socket] = []

    def connect(self, source: str, count: int = 1, *, says: bytes = b"") -> list[socket.socket]:
        """Clients from *source* that said that; the server has it."""
        made = [
            socket.create_connection((self.address, self.port), 20, (source, 0))
            for _ in range(count)
        ]
        for client in made:
            client.sendall(says)
            self.accepted.append(self.socket.accept()[0])
            # It is there once it can be seen without being taken.
            assert not says or self.accepted[-1].recv(1, socket.MSG_PEEK)
        self.clients += made
        return made

    def close(self) -> None:
        for each in (self.socket, *self.accepted, *self.clients):
            each.close()


@pytest.fixture
def place() -> Iterator[Place]:
    made = Place()
    yield made
    made.close()


def doorman(
    place: Place, per_address: int, total: int = 1000,
    excepted: Callable[[str], bool] = lambda _: False,
) -> Doorman:
    return Doorman(place.port, per_address=per_address, total=total, excepted=excepted,
                   stall_seconds=30)


def ended(client: socket.socket) -> bool:
    client.setblocking(False)
    try:
        return client.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True


def test_the_surplus_of_an_address_is_ended_and_nobody_else_s(place: Place) -> None:
    many, few = place.connect("127.0.0.2", 30), place.connect("127.0.0.3", 5)
    assert doorman(place, 10).look() == 20
    assert sum(map(ended, many)) == 20
    assert not any(map(ended, few))
    for each in filter(ended, place.accepted):
        each.close()
    assert doorman(place, 10).look() == 0


def test_of_one_address_those_go_first_that_never_said_anything_the_oldest_first(
    place: Place,
) -> None:
    asking = place.connect("127.0.0.2", 3, says=b"GET")
    silent = place.connect("127.0.0.2", 20)
    late = place.connect("127.0.0.2", 3, says=b"GET")
    doorman(place, 8).look()
    assert not any(map(ended, asking + late))
    assert sum(map(ended, silent)) == 18


def test_an_excepted_address_holds_as_many_as_it_likes(place: Place) -> None:
    proxy = place.connect("127.0.0.9", 30)
    assert doorman(place, 10, excepted=lambda who: who == "127.0.0.9").look() == 0
    assert not any(map(ended, proxy))


def test_what_is_scarce_is_shared_out(place: Place) -> None:
    most, some = place.connect("127.0.0.2", 30), place.connect("127.0.0.3", 12)
    few = place.connect("127.0.0.4", 2)
    doorman(place, 1000, total=24).look()
    assert not any(map(ended, few))
    # Three quarters of 24 places stay taken: 2, and 8 of each of the others.
    assert sum(map(ended, most)) == 22
    assert sum(map(ended, some)) == 4


def test_connections_to_others_are_not_touched(place: Place) -> None:
    other = Place()
    theirs = other.connect("127.0.0.2", 30)
    assert doorman(place, 10).look() == 0
    assert not any(map(ended, theirs))
    other.close()


def test_a_network_of_ipv6_is_one_client() -> None:
    try:
        place = Place(socket.AF_INET6)
    except OSError:
        pytest.skip("NOT TESTED: this machine has no IPv6")
    place.connect("::1", 15)
    asked: list[str] = []
    assert doorman(place, 10, excepted=lambda who: bool(asked.append(who))).look() == 5
    assert ip_address("::1") in map(ip_address, asked), "exceptions are whole addresses"
    place.close()


@pytest.mark.parametrize(("counts", "total", "most"), [
    ([20_000, 10], 15_000, 14_990), ([10, 10, 10], 15, 5), ([3, 4], 100, 97), ([], 5, 5),
    ([9, 9], 1, 1),
])
def test_shares(counts: list[int], total: int, most: int) -> None:
    assert share({bytes([n]): count for n, count in enumerate(counts)}, total) == most
