"""What axe finds on every page, in both themes, at 390 and 1366 pixels, and what is cut off there.

    python bench/pages.py

Needs a chromium, and axe-core, which ``make install-dev`` gathers. A table of those with something
found goes to standard error.
"""

from __future__ import annotations

import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from tests.support.every_page import THEMES, WIDTHS, filled, looks, opened, signed_in, violations
from tests.support.running import CHROMIUM, FLAGS, running_platform

from platform_under_test import say


def main() -> None:
    """Look at all pages, and say what was found by theme and width."""
    found: dict[tuple[int, str], int] = {(w, t): 0 for w in WIDTHS for t in THEMES}
    with (
        running_platform(VAZAO_WEB_PROCESSES="1") as running, sync_playwright() as driver,
        driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS) as browser,
    ):
        pages = filled(running)
        with signed_in(browser, running, locale="en-US") as page:
            for name, path in pages.items():
                opened(page, running.address + path)
                for width, theme in looks(page):
                    lines = violations(page, theme)
                    found[width, theme] += len(lines)
                    for line in lines:
                        print(f"{name}\t{width}\t{theme}\t{line}", file=sys.stderr)
    for (width, theme), count in found.items():
        say(f"violations that axe finds on all pages, {width} px, {theme}", "0", count,
            ok=not count, pages=len(pages))


if __name__ == "__main__":
    main()
