"""Duplicates and contradictions: how time and memory grow with the knowledge base, encoding apart.

The base is a simulated brand's, repeated with every number, product and place of each copy renamed,
so that copies are sections of their own and no article repeats one of another copy.
"""

from __future__ import annotations

import subprocess
import sys

from benchmarks.figure import Figure

_SIZES = (10_000, 20_000)
_CODE = """
import re, sys, tempfile, time
from pathlib import Path
import polars as pl
from benchmarks.figure import peak_gigabytes
from cxm.backends.encoder import HashingEncoder
from cxm.task import Services
from cxm.tasks.kb_refinement import TASK
from synth.disk import write_world
from synth.knobs import Knobs

n = int(sys.argv[1])
with tempfile.TemporaryDirectory() as folder:
    write_world(Path(folder) / "world", Knobs(conversations=1, customers=1, weeks=1))
    base = pl.read_parquet(Path(folder) / "world" / "articles.parquet")
names = re.compile(r"\\b[A-Z][a-z]{3,}\\b|\\b[a-z]{7,}\\b")
copies = []
for copy in range(-(-n // base.height)):
    rename = lambda text: names.sub(lambda m: m.group() + chr(97 + copy // 26) + chr(97 + copy % 26), text)
    copies.append(
        base.with_columns(
            pl.col("article_id") + f"-{copy:03d}",
            pl.col("title", "section", "body").map_elements(rename, return_dtype=pl.String),
        )
    )
tables = {"articles": pl.concat(copies).head(n).lazy()}
services, params = Services(HashingEncoder(), Path(".")), TASK.params()
start = time.perf_counter()
model = TASK.method.fit(tables, None, params, services)
middle = time.perf_counter()
found = TASK.method.predict(tables, model, params, services)["article_findings"]
end = time.perf_counter()
print(end - middle, middle - start, peak_gigabytes(), found.height)
"""


def run() -> list[Figure]:
    """Seconds to compare all articles of a base, the ratio of two sizes, and the most memory used."""
    measured = {}
    for size in _SIZES:
        done = subprocess.run(
            [sys.executable, "-c", _CODE, str(size)], capture_output=True, text=True, check=True
        )
        measured[size] = [float(part) for part in done.stdout.split()]
    small, large = (measured[size] for size in _SIZES)
    return [
        *(
            Figure(
                f"refinement: {size:,} articles compared",
                measured[size][0],
                "s",
                note=f"learning {measured[size][1]:.0f} s, {measured[size][3]:,.0f} findings",
            )
            for size in _SIZES
        ),
        Figure("refinement: time of 20,000 articles over 10,000", large[0] / small[0], "x", "<=", 2.3),
        Figure("refinement: most memory, 20,000 articles", large[2], "GB", "<=", 3),
    ]
