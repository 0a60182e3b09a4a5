"""Real files of many kinds that every machine with this project has."""

import heapq
import os
import random
import sysconfig
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

LARGEST_BYTES = 2**20
_LARGE_SHARE = 40
_SKIPPED = {".git", ".venv", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache"}


def gather(project: Path, count: int, seed: int) -> list[Path]:
    """Return at most `count` files of 0 bytes to 1 MiB, of as many kinds as can be found.

    They come from the Python installation, its packages and `project`: a few of the largest, the
    rest in turns by file name extension. The same machine and seed give the same files.
    """
    # Tens of thousands of paths: as strings, looked at once, this takes a third of the time.
    sizes_bytes: dict[str, int] = {}
    for root in (sysconfig.get_path("stdlib"), sysconfig.get_path("purelib"), project):
        sizes_bytes.update(_walk(str(root)))
    largest = heapq.nsmallest(
        count // _LARGE_SHARE, sizes_bytes, key=lambda path: (-sizes_bytes[path], path)
    )
    kinds: dict[str, list[str]] = defaultdict(list)
    for path in sorted(sizes_bytes.keys() - set(largest)):
        suffix = os.path.splitext(path)[1]  # noqa: PTH122 - Path takes many times as long
        kinds[suffix.lower()].append(path)
    order = random.Random(seed)
    left = [paths for _, paths in sorted(kinds.items())]
    for paths in left:
        order.shuffle(paths)
    chosen = largest
    while left and len(chosen) < count:
        chosen += [paths.pop() for paths in left][: count - len(chosen)]
        left = [paths for paths in left if paths]
    order.shuffle(chosen)
    return [Path(path) for path in chosen]


def _walk(folder: str) -> Iterator[tuple[str, int]]:
    """Yield each file that is not too large, and its size in bytes."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_symlink() or entry.name in _SKIPPED:
                continue
            if entry.is_dir():
                yield from _walk(entry.path)
            elif entry.is_file() and (size_bytes := entry.stat().st_size) <= LARGEST_BYTES:
                yield entry.path, size_bytes
