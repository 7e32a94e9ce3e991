"""numbers: sums the even numbers of text files of any size, a task above the engine.

The face: :func:`register`. Where sums may read from is kept in the schema ``jobs``: a rename
would break running processes of the version before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vazao.kit.faces import lazily

if TYPE_CHECKING:
    from vazao.kit.platform import Platform
    from vazao.kit.registry import Registry
    from vazao.numbers.settings import NumberSettings

__all__ = ["NumberSettings", "register"]

__getattr__ = lazily(__name__, {"NumberSettings": "settings"})


def _routes() -> list[Any]:
    from vazao.numbers.api import routes

    return routes


def register(registry: Registry) -> None:
    """Show the routes, the kind of job, where files are dropped, its command and demonstration."""
    from vazao.kit.registry import DemoStep, DropTarget
    from vazao.numbers import cli, demo, tasks

    registry.web.append(_routes)
    registry.for_programs.add("sum-even")
    registry.job_kinds[tasks.KIND] = tasks.kind
    registry.commands["jobs"].append(cli.app)
    registry.demo_bodies["POST", "/sum-even"] = demo.body
    registry.demo.append(DemoStep("Sum of the even numbers of a file", demo.show, 31))
    registry.template_packages.append("vazao.numbers")
    registry.drop_targets.append(DropTarget(
        "A text file of numbers, of any size: the even ones are added up. The upload can be "
        "paused, and continues after a lost connection.", "numbers.js", "numbers/outcome.html", 10,
    ))
    registry.warmups.append(_prepare)


async def _prepare(platform: Platform) -> None:
    """Compile the kernel beside the first parts; those that need it wait for it.

    Loaded (80 MB) at once only by the process of the spare slot, which small sums go to, and else
    by the first sum.
    """
    from vazao.numbers import load

    await load.prepare(platform.settings.folder, load_now=platform.slots != "main")
