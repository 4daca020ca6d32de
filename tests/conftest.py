"""A browser for tests of pages: the installed Chromium, driven by Playwright.

Playwright's own browsers are not used: the installed Chromium is, or the one that CHROME names.
"""

from __future__ import annotations

import os
import shutil

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
)  # fmt: skip


@pytest.fixture(scope="module")
def launch():
    """Starts the browser with further flags. Tests are skipped where there is none."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    chrome = os.environ.get("CHROME") or next(filter(None, map(shutil.which, NAMES)), None)
    if chrome is None:
        pytest.skip(f"no browser: none of {', '.join(NAMES)} on PATH, and CHROME is not set")
    with sync_api.sync_playwright() as playwright:
        started = []

        def start(*flags):
            started.append(
                playwright.chromium.launch(executable_path=chrome, args=[*FLAGS, *flags])
            )
            return started[-1]

        yield start
        for one in started:
            one.close()


@pytest.fixture(scope="module")
def browser(launch):
    return launch()


@pytest.fixture(scope="session")
def axe_complaints():
    """What axe finds wrong with a page: rules and the first elements that break them."""
    axe = pytest.importorskip("axe_playwright_python.base", reason="axe is not installed")

    def complaints(page):
        page.evaluate(axe.AXE_SCRIPT)
        found = page.evaluate("axe.run()")
        assert len(found["passes"]) > 20
        return [
            (one["id"], [node["html"][:200] for node in one["nodes"][:3]])
            for one in found["violations"]
        ]

    return complaints
