"""Puts the tables that `make bench-table` measured into docs/benchmarks.md, between the marks that stand there for them.

    /usr/bin/python3 Deploy/bench/page.py .build/bench/bench.md .build/bench/peers.md
"""

from __future__ import annotations

from pathlib import Path
import re
import sys

PAGE = Path(__file__).resolve().parents[2] / "docs/benchmarks.md"


def main():
    text = PAGE.read_text()
    for name, file in zip(("bench", "peers"), sys.argv[1:]):
        begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
        table = Path(file).read_text().strip()
        text, count = re.subn(f"{re.escape(begin)}.*?{re.escape(end)}", lambda _: f"{begin}\n{table}\n{end}", text, flags=re.DOTALL)
        if count != 1:
            sys.exit(f"{PAGE.name} has no place for {name}")
    PAGE.write_text(text)


if __name__ == "__main__":
    main()
