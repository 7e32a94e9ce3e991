"""Load from a process of its own, as another machine would bring it.

Threads of the measuring process share its interpreter: what they do would be measured as waiting.
Made before the measuring begins, since it forks.
"""

from __future__ import annotations

import json
import os
import traceback
from collections.abc import Callable
from typing import Any

NICE = 10
"""Load comes from another machine in truth: here it may not take the server's processor first."""


class Elsewhere:
    """A child that waits, runs *act* once when told to, and hands over what it returns.

    Args:
        act: returns what JSON can hold.
    """

    def __init__(self, act: Callable[[], Any]) -> None:
        told, self._tell = os.pipe()
        self._hear, said = os.pipe()
        self._child = os.fork()
        if self._child:
            os.close(told)
            os.close(said)
            return
        os.close(self._tell)
        os.close(self._hear)
        os.nice(NICE)
        status = 1
        try:
            if os.read(told, 1):
                os.write(said, json.dumps(act()).encode())
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)

    def run(self) -> Any:
        """Let it begin, and wait for its end.

        Raises:
            RuntimeError: it failed; its traceback is on stderr.
        """
        os.write(self._tell, b"x")
        os.close(self._tell)
        with os.fdopen(self._hear) as heard:
            found = heard.read()
        _, status = os.waitpid(self._child, 0)
        if status:
            raise RuntimeError("the load failed")
        return json.loads(found)
