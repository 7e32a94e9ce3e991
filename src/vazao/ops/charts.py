"""Pictures of figures over time; each answers a question."""

from __future__ import annotations

from typing import Any, NamedTuple

from vazao.kit.i18n import translate
from vazao.ops.models import Sample


class Chart(NamedTuple):
    """A picture: the message ids of its question and of how to read it, and of its figures."""

    question: str
    help: str
    figures: dict[str, str]
    format: str = "number"


LABELS = {
    "cpu": "On the processor", "io": "Waiting for the disk", "lock": "Waiting for a lock",
    "other": "Waiting for something else", "connections": "Connections",
    "hit_share": "Share found in memory", "read_blocks": "Blocks read a second",
    "parts_held": "Held for their turn", "parts_queued": "In the queue",
    "parts_running": "At work", "oldest_wait": "Longest wait, in seconds", "workers": "Workers",
}
"""Of the figures."""
TEXTS = {
    "load": "Is the database the bottleneck?",
    "load_help": "Sessions at work, on average. More on the processor than it has cores: it is the "
    "limit. Waiting for the disk or for locks: look at what is wrong above.",
    "queue": "Does work pile up?",
    "queue_help": "Parts of jobs. What is held and queued grows where the workers do not keep up.",
    "wait": "How long does work wait?",
    "wait_help": "The oldest part that waits. It falls back where the workers keep up.",
    "memory": "Does the database's memory suffice?",
    "memory_help": "The share of blocks that were found in memory: near 1 in a platform at rest.",
    "connections": "Are connections left open?",
    "connections_help": "All connections of the server. A line that only rises is a leak.",
}
FIGURES = {
    "load": ("cpu", "io", "lock", "other"),
    "queue": ("parts_running", "parts_queued", "parts_held"),
    "wait": ("oldest_wait",), "memory": ("hit_share",), "connections": ("connections",),
}
CHARTS = {
    name: Chart(
        TEXTS[name], TEXTS[f"{name}_help"], {each: LABELS[each] for each in figures},
        "percent" if figures == ("hit_share",) else "number",
    )
    for name, figures in FIGURES.items()
}
SPANS = {"hour": (1, 3_600.0), "day": (1, 86_400.0), "month": (15, 2_592_000.0)}
"""Minutes that a point stands for, and the seconds looked back at."""


def drawn(chart: Chart, samples: list[Sample], language: str) -> dict[str, Any]:
    """What ``charts.js`` draws."""
    return {
        "format": chart.format,
        "x": [each.at for each in samples],
        "series": [
            {"label": translate(label, language),
             "values": [each.figures.get(name) for each in samples]}
            for name, label in chart.figures.items()
        ],
    }
