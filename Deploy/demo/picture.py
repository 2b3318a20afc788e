"""The picture of the nurses' board in the README, taken anew: the demonstration's street, and Chromium in front of it.

    .build-venv/process/bin/python Deploy/demo/picture.py docs/pictures/board.png

It needs what `make test` has installed (playwright in .build-venv/process, Debian's chromium) and a built binary. The people
on it are the demonstration's and do not exist. The picture is taken when the story is over: alerts of all three priorities are
open, and a nurse has taken one. A picture above 150 kB is refused: it lies in the repository for ever.
"""

from __future__ import annotations

from pathlib import Path
import shutil
import sys
import tempfile

from playwright.sync_api import sync_playwright

from demo import Demo
from gateway import default_binary

LARGEST = 150_000


def main() -> int:
    target = Path(sys.argv[1])
    folder = Path(tempfile.mkdtemp(prefix="knutepunkt-picture."))
    demo = Demo(folder, default_binary())
    try:
        demo.start()
        demo.play()
        demo.settle()
        link = demo.gateway.command("console", "link", "--as", "Nina Nurse").stdout.strip()
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"])
            page = browser.new_page(viewport={"width": 1_000, "height": 850})
            page.goto(link)
            page.get_by_role("button").first.click()
            page.wait_for_selector("#core-status")
            # Smaller, so that more than three alerts are on a picture that a README can bear.
            page.evaluate("document.documentElement.style.zoom = 0.8")
            page.wait_for_timeout(1_500)
            page.screenshot(path=str(target))
            browser.close()
    finally:
        demo.stop()
        shutil.rmtree(folder, ignore_errors=True)
    if target.stat().st_size > LARGEST:
        print(f"{target} has {target.stat().st_size} bytes; allowed: {LARGEST}", file=sys.stderr)
        return 1
    print(f"{target}: {target.stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
