"""images: shuffles the blocks of a PNG image, a task above the engine.

The face: :func:`register`. Its routes are those that old clients of the image service use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vazao.kit.faces import lazily

if TYPE_CHECKING:
    from vazao.images.settings import ImageSettings
    from vazao.kit.registry import Registry

__all__ = ["ImageSettings", "register"]

__getattr__ = lazily(__name__, {"ImageSettings": "settings"})


def _routes() -> list[Any]:
    from vazao.images.api import routes

    return routes


def register(registry: Registry) -> None:
    """Show routes, the kind of job, where pictures are dropped, a demonstration, the sweep."""
    from vazao.images import demo, tasks
    from vazao.kit.registry import DemoStep, DropTarget, Periodic

    registry.web.append(_routes)
    registry.for_programs.add("randomize")
    registry.job_kinds[tasks.KIND] = tasks.kind
    registry.demo_bodies["POST", "/randomize"] = demo.body
    registry.demo.append(DemoStep("Shuffle of an image", demo.show, 30))
    registry.template_packages.append("vazao.images")
    registry.drop_targets.append(DropTarget(
        "A PNG image: its blocks are shuffled.", "images.js", "images/outcome.html", 20,
    ))
    registry.periodic.append(Periodic("jobs.sweep_pictures", 3600.0, tasks.sweep))
