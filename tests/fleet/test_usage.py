"""Usage of services from a CSV file."""

from __future__ import annotations

from pathlib import Path

import pytest

from toolkit.capacity.nodes.catalogue import MIB
from toolkit.errors import GilfreeError
from toolkit.fleet.usage import Usage, read_usage


def test_usage_is_read_with_quantities_and_refused_by_line(tmp_path: Path) -> None:
    file = tmp_path / "usage.csv"
    file.write_text("namespace,name,rps,cpu_p95,memory_max\nshop,orders,12.5,300m,512Mi\nshop,cart,,,\n")
    assert read_usage(file) == {("shop", "orders"): Usage(12.5, 0.3, 512 * MIB), ("shop", "cart"): Usage()}
    for line, said in (
        ("a,b,-1,,", "rps: '-1' is negative"),
        ("a,b,,x,", "cpu_p95: 'x' is not"),
        ("a,b,,,-1Mi", "negative"),
    ):
        file.write_text(f"namespace,name,rps,cpu_p95,memory_max\n{line}\n")
        with pytest.raises(GilfreeError, match=f"usage.csv:2: .*{said}"):
            read_usage(file)
    file.write_text("namespace,name\na,b\na,b\n")
    with pytest.raises(GilfreeError, match="a/b is given twice"):
        read_usage(file)
