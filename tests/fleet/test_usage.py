"""Usage of services from a CSV file."""

from __future__ import annotations

from pathlib import Path

import pytest

from toolkit.capacity.nodes.catalogue import MIB
from toolkit.errors import GilfreeError
from toolkit.fleet.usage import Usage, read_usage


def test_usage_is_read_with_quantities_and_refused_by_line(tmp_path: Path) -> None:
    file = tmp_path / "usage.csv"
    file.write_text("namespace,name,rps,cpu,memory_max\nshop,orders,12.5,300m,512Mi\nshop,cart,,,\n")
    found = read_usage(file)
    assert found.figures == {("shop", "orders"): Usage(12.5, 0.3, 512 * MIB, 0.3), ("shop", "cart"): Usage()}
    assert found.notes == ()
    for line, said in (
        ("a,b,-1,,", "rps: '-1' is negative"),
        ("a,b,,x,", "cpu: 'x' is not"),
        ("a,b,,,-1Mi", "negative"),
    ):
        file.write_text(f"namespace,name,rps,cpu,memory_max\n{line}\n")
        with pytest.raises(GilfreeError, match=f"usage.csv:2: .*{said}"):
            read_usage(file)
    file.write_text("namespace,name\na,b\na,b\n")
    with pytest.raises(GilfreeError, match="a/b is given twice"):
        read_usage(file)


def test_the_lines_of_a_service_over_time_come_to_peaks_of_the_same_times(tmp_path: Path) -> None:
    file = tmp_path / "usage.csv"
    file.write_text(
        "time,namespace,name,rps,cpu,memory_max\n"
        "03:00,shop,orders,10,8,200Mi\n12:00,shop,orders,1000,2,300Mi\n12:00,shop,cart,5,1,\n"
    )
    found = read_usage(file).figures
    assert found["shop", "orders"] == Usage(1000, 8, 300 * MIB, 2)
    assert found["shop", "orders"].cpu_seconds == 0.002
    file.write_text("time,namespace,name,rps\n12:00,a,b,1\n12:00,a,b,2\n")
    with pytest.raises(GilfreeError, match="a/b is given twice at 12:00"):
        read_usage(file)


def test_a_percentile_of_cpu_is_read_and_said_to_be_of_other_times(tmp_path: Path) -> None:
    file = tmp_path / "usage.csv"
    file.write_text("namespace,name,rps,cpu_p95\nshop,orders,1000,1.5\n")
    found = read_usage(file)
    assert found.figures["shop", "orders"] == Usage(1000, 1.5)
    assert "95th percentile" in found.notes[0]
    file.write_text("namespace,name,cpu,cpu_p95\nshop,orders,1,1\n")
    with pytest.raises(GilfreeError, match="both cpu and cpu_p95"):
        read_usage(file)
