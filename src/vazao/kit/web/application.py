"""The framework's application, and what stands before it."""

from __future__ import annotations

from typing import Any

from litestar import Litestar
from litestar.types import Message, Send

from vazao.kit.registry import Quick
from vazao.kit.web import bodies, origins


class Application(Litestar):
    """The framework's, which also listens on to a client whose request no route takes.

    Paths with a quick answer (:attr:`vazao.kit.registry.Registry.quick`) are tried before it.
    What every answer below a path's first step says is added last, also where no route takes it.
    """

    quick: dict[str, Quick]
    said: dict[str, list[tuple[bytes, bytes]]]
    for_programs: frozenset[str]
    origins: frozenset[str]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer; the frame stands around routes alone."""
        if scope["type"] == "http":
            path = scope["path"]
            step = path.split("/", 2)[1] if path.startswith("/") else ""
            said = self.said.get(step, [])
            if self.origins and step in self.for_programs:
                said = said + origins.headers_for(scope, self.origins)
                if origins.is_preflight(scope):
                    await origins.preflight(scope, send, said)
                    return
            if said:
                send = origins.adding(send, said)
            # Paths that end in a slash stand for one step further, whatever it is.
            quick = self.quick.get(path) or self.quick.get(path[:path.rfind("/", 1) + 1])
            if quick is not None and await quick(scope, receive, send):
                return
        if scope["type"] != "http" or not bodies.announced(scope):
            await super().__call__(scope, receive, send)
            return
        answering: tuple[bodies.Body | None, Send] | None = None

        async def sending(message: Message) -> None:
            nonlocal answering
            if "request_id" in scope.get("state", {}):
                # The frame around its route has listened already.
                await send(message)
                return
            if answering is None:
                answering = bodies.of(scope, receive, send, self.state.platform.settings)
            await bodies.hand_on(message, *answering)

        await super().__call__(scope, receive, sending)
