"""A headless Chromium that is driven from outside, with what a test wants to know of a page."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

SERIOUS = ("serious", "critical")


class Browser:
    """One page at a time. Playwright has a thread of its own, in which it keeps an event loop running."""

    def __init__(self, program: str) -> None:
        self._thread = ThreadPoolExecutor(1)
        self._thread.submit(self._start, program).result()

    def _start(self, program: str) -> None:
        from playwright.sync_api import sync_playwright

        self._playwright = sync_playwright().start()
        self._chromium = self._playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        self._context: Any = None

    def _do(self, work: Callable[[], Any]) -> Any:
        return self._thread.submit(work).result()

    def open(
        self, page: Path | str, where: str = "", *, width: int = 1200, dark: bool = False, scripts: bool = True
    ) -> None:
        """Open a file or an address, as somebody who was never there before."""

        def opened() -> None:
            if self._context is not None:
                self._context.close()
            size = {"width": width, "height": 900}
            scheme = "dark" if dark else "light"
            self._context = self._chromium.new_context(viewport=size, color_scheme=scheme, java_script_enabled=scripts)
            self.complaints: list[str] = []
            self.requests: list[str] = []
            self._tabs: list[Any] = []
            self._new_tab((page if isinstance(page, str) else page.as_uri()) + where)

        self._do(opened)

    def _new_tab(self, address: str) -> None:
        self._page = self._context.new_page()
        self._tabs.append(self._page)
        self._page.on("console", lambda said: self.complaints.append(said.text))
        self._page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self._page.on("request", lambda request: self.requests.append(request.url))
        self._page.goto(address)

    def tab(self, address: str) -> None:
        """Open an address in one more tab, which is the one that is driven from now on."""
        self._do(lambda: self._new_tab(address))

    def turn(self, number: int) -> None:
        """Drive another tab; they are counted from 0."""
        self._page = self._tabs[number]

    def address(self) -> str:
        return self._do(lambda: self._page.url)

    def leave(self, work: str, what: str) -> int:
        """Press or click something that leads to another page; gives the status of that one."""

        def left() -> int:
            with self._page.expect_navigation() as going:
                self._page.keyboard.press(what) if work == "press" else self._page.click(what)
            return going.value.status

        return self._do(left)

    def fill(self, selector: str, text: str) -> None:
        self._do(lambda: self._page.fill(selector, text))

    def wait(self, seconds: float) -> None:
        self._do(lambda: self._page.wait_for_timeout(seconds * 1000))

    def run(self, script: str, given: object = None) -> Any:
        """What an expression of JavaScript, or a function of `given`, gives in the page."""
        return self._do(lambda: self._page.evaluate(script, given))

    def press(self, key: str) -> None:
        self._do(lambda: self._page.keyboard.press(key))

    def choose(self, selector: str, label: str) -> None:
        self._do(lambda: self._page.select_option(selector, label=label))

    def click(self, selector: str) -> None:
        self._do(lambda: self._page.click(selector))

    def title(self) -> str:
        return self._do(lambda: self._page.title())

    def shown(self, selector: str) -> list[str]:
        """The texts of the elements that are to be seen."""
        return self._do(
            lambda: self._page.eval_on_selector_all(
                selector, "all => all.filter((one) => one.checkVisibility()).map((one) => one.innerText)"
            )
        )

    def faults(self) -> list[str]:
        """What axe-core finds that keeps people from reading the page."""
        from axe_playwright_python.sync_playwright import Axe

        def asked() -> list[str]:
            said = Axe().run(self._page).response
            assert said["passes"]
            return [
                f"{one['id']}: {node['html'][:200]} {node['failureSummary']}"
                for one in said["violations"]
                if one["impact"] in SERIOUS
                for node in one["nodes"]
            ]

        return self._do(asked)

    def overflows(self) -> bool:
        return bool(self.run("document.documentElement.scrollWidth > innerWidth"))

    def on_paper(self) -> bytes:
        """The page as PDF; from then on it is shown as it is printed."""
        self._do(lambda: self._page.emulate_media(media="print"))
        return self._do(lambda: self._page.pdf())

    def picture(self, path: Path, *, whole: bool = False) -> None:
        self._do(lambda: self._page.screenshot(path=path, full_page=whole))

    def close(self) -> None:
        self._do(lambda: (self._chromium.close(), self._playwright.stop()))
        self._thread.shutdown()


@pytest.fixture(scope="session")
def browser():
    program = shutil.which("chromium")
    if program is None or find_spec("axe_playwright_python") is None:
        pytest.skip("chromium or axe-playwright-python is not installed")
    found = Browser(program)
    yield found
    found.close()
