"""What people call the program of a session: "Firefox on Windows", out of what it says of itself.

Only to tell one's own sessions apart. Anybody can send any text, so nothing is decided by it.
"""

from __future__ import annotations

from typing import Final

# The first that is found counts: most say that they are Safari and Chrome too.
_BROWSERS: Final = (
    ("Edg/", "Edge"), ("EdgA/", "Edge"), ("EdgiOS/", "Edge"), ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"), ("FxiOS/", "Firefox"), ("Firefox/", "Firefox"),
    ("CriOS/", "Chrome"), ("HeadlessChrome/", "Chrome"), ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS: Final = (
    ("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("Windows", "Windows"),
    ("CrOS", "ChromeOS"), ("Macintosh", "macOS"), ("Linux", "Linux"),
)


def program_of(user_agent: str) -> tuple[str | None, str | None]:
    """The browser and the system that *user_agent* names, each ``None`` where it names none."""
    return _first(_BROWSERS, user_agent), _first(_SYSTEMS, user_agent)


def _first(known: tuple[tuple[str, str], ...], text: str) -> str | None:
    return next((name for mark, name in known if mark in text), None)
