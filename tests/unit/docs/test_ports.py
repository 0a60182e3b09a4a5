"""Ports that pages and help texts suggest do not get in each other's way on one host."""

import re
from pathlib import Path

import pytest

from config.settings import Http

_ROOT = Path(__file__).parents[3]
_PORT = re.compile(r"tidemill scaler [^\n]*http\.port=(\d+)|(?:localhost|127\.0\.0\.1):(\d+)/scale")


@pytest.mark.parametrize("page", ["docs/scaling.md", "daemon/__main__.py"])
def test_the_scaler_s_port_is_no_worker_s_and_no_supervisor_s(page):
    found = {int(a or b) for a, b in _PORT.findall((_ROOT / page).read_text())}

    assert len(found) == 1
    assert found.pop() < Http().port  # supervised workers take those after it
