"""Nothing in, times out: how long the page of a review takes to be written and to open, by its number of remarks.

    python tests/bench/pages.py [REMARKS...]

The page is opened in Debian's Chromium, headless. "open" is from the start of the navigation to the end of the load
event, and "painted" to the first contentful paint, as the browser itself measures them; the least and the median of
five, and a key press that goes to the next remark.
"""

from __future__ import annotations

import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "helpers"))

from browser import Browser
from report_cases import frame, review, reviewed
from reviewbot.model.review import ChainStep, ShownChain
from reviewbot.report.registry import FORMATS

RUNS = 5
TIMES = """() => {
    const [page] = performance.getEntriesByType('navigation');
    const painted = performance.getEntriesByName('first-contentful-paint')[0];
    return [page.loadEventEnd, painted ? painted.startTime : 0];
}"""


def page(remarks: int) -> str:
    """A page with so many remarks, each with a chain of four steps, in hunks of twenty lines."""
    hunks = []
    for at in range(remarks):
        rows = "".join(f"+\tline{at}_{row} = toy_alloc({row}, TOY_KERNEL);\n" for row in range(20))
        hunks.append(f"@@ -{at * 20 + 1},0 +{at * 40 + 1},20 @@ int toy{at}(void)\n{rows}")
    diff = "diff --git a/fs/toy/a.c b/fs/toy/a.c\n--- a/fs/toy/a.c\n+++ b/fs/toy/a.c\n" + "".join(hunks)
    steps = tuple(ChainStep("fs/toy/a.c", at + 1, f"toy{at}", f"toy{at + 1}(t);", "called here", at) for at in range(4))
    chain = ShownChain(tuple(f"toy{at}" for at in range(4)), steps)
    asks = [(f"line{at}_10 =", {"fingerprint": str(at), "chain": chain}) for at in range(remarks)]
    return FORMATS["html"].render(review(reviewed(asks, diff=diff, width="tree")), frame())


def main() -> None:
    browser = Browser(shutil.which("chromium") or "chromium")
    print(f"{'remarks':>8}{'KB':>8}{'written':>10}{'open':>16}{'painted':>16}{'key':>8}   milliseconds")
    with tempfile.TemporaryDirectory() as folder:
        for remarks in [int(word) for word in sys.argv[1:]] or [20, 200, 1000]:
            begin = time.perf_counter()
            text = page(remarks)
            written = (time.perf_counter() - begin) * 1000
            path = Path(folder, "review.html")
            path.write_text(text, encoding="utf-8")
            found = []
            for _ in range(RUNS):
                browser.open(path)
                found.append(browser.run(TIMES))
            begin = time.perf_counter()
            browser.press("j")
            browser.run("document.activeElement.getBoundingClientRect().top")
            key = (time.perf_counter() - begin) * 1000
            opened, painted = (f"{min(all_):.0f} / {statistics.median(all_):.0f}" for all_ in zip(*found, strict=True))
            print(f"{remarks:>8}{len(text) // 1000:>8}{written:>10.0f}{opened:>16}{painted:>16}{key:>8.0f}")
    browser.close()


if __name__ == "__main__":
    main()
