"""Kubernetes quantities: read as Kubernetes reads them, or refused by value and place."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.errors import GilfreeError
from toolkit.quantities import cpu_millis_of, memory_bytes_of, quantity_of


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.1", "0.1"),
        ("100m", "0.1"),
        (".5", "0.5"),
        ("5.", "5"),
        ("1e3", "1000"),
        ("1E3", "1000"),
        ("1E", "1e18"),
        ("12e-1", "1.2"),
        ("4Gi", str(4 << 30)),
        ("1.5G", "1.5e9"),
        ("100n", "1e-7"),
        ("-1", "-1"),
        (2, "2"),
    ],
)
def test_what_kubernetes_takes(text: str | int, value: str) -> None:
    assert quantity_of(text) == Decimal(value)


@pytest.mark.parametrize(
    "text", ["1e3Mi", "1 Gi", "1GB", "1K", "", "Gi", "1..5", "0x10", "1e", "９", "1e99999", "99E", "1e30"]
)
def test_what_kubernetes_refuses(text: str) -> None:
    with pytest.raises(ValueError, match=r"quantity|suffix|hold"):
        quantity_of(text)


def test_an_exponent_with_a_suffix_is_named_with_what_to_write() -> None:
    with pytest.raises(GilfreeError, match=r"nodes.yaml:3: '1e3Mi' has an exponent and a suffix.*1000Mi"):
        memory_bytes_of("1e3Mi", "nodes.yaml:3")


def test_a_thousandth_of_a_byte_is_taken_for_the_slip_it_is() -> None:
    with pytest.raises(
        GilfreeError, match=r"web: '128m' is 0.128 bytes of memory: m means a thousandth; did you mean Mi"
    ):
        memory_bytes_of("128m", "web")


@pytest.mark.parametrize("text", ["0", "-1", "-100m", "0.0"])
def test_nothing_and_less_are_refused(text: str) -> None:
    with pytest.raises(GilfreeError, match="not above 0"):
        cpu_millis_of(text, "here")


@pytest.mark.parametrize(("text", "millis"), [("0.1", 100), ("100m", 100), ("1", 1000), ("0.0001", 1), ("1500u", 2)])
def test_cpu_is_counted_in_whole_millicores_rounded_up(text: str, millis: int) -> None:
    assert cpu_millis_of(text, "here") == millis


@given(st.text(max_size=70))
def test_any_text_is_read_or_refused_with_its_place(text: str) -> None:
    for read in (cpu_millis_of, memory_bytes_of):
        try:
            amount = read(text, "file:7")
        except GilfreeError as error:
            said = str(error)
        else:
            assert amount > 0
            continue
        assert said.startswith("file:7: ")


@given(st.integers(1, 10**9), st.sampled_from(["", "m", "k", "M", "Ki", "Mi"]))
def test_a_suffix_is_a_factor(number: int, suffix: str) -> None:
    factors: dict[str, Decimal | int] = {"": 1, "m": Decimal("0.001"), "k": 1000, "M": 10**6, "Ki": 1024, "Mi": 1 << 20}
    assert quantity_of(f"{number}{suffix}") == number * factors[suffix]


TAKEN = [
    "0.1",
    "100m",
    ".5",
    "5.",
    "1e3",
    "1E3",
    "1e+3",
    "+1",
    "1E",
    "12e-1",
    "4Gi",
    "1.5G",
    "100n",
    "1k",
    "1Ki",
    "1Pi",
]
REFUSED = ["1e3Mi", "1e3m", "1 Gi", "1GB", "1K", "1mi", "1..5", "1e", "1e1e", "", "0x10", "1_000", "1,5"]


@pytest.mark.cluster
def test_the_api_server_takes_and_refuses_the_same_quantities() -> None:
    """Except a quantity without a digit (`Gi`), which the API server reads as 0 and nobody means."""
    from tests.capacity.oracle import client, config

    core = client.CoreV1Api(config.new_client_from_config())

    def submit(text: str) -> None:
        container = {"name": "a", "image": "none.invalid/none", "resources": {"requests": {"memory": text}}}
        pod = {"metadata": {"name": "quantity"}, "spec": {"containers": [container]}}
        core.create_namespaced_pod("default", pod, dry_run="All")

    for text in TAKEN:
        submit(text)
        quantity_of(text)
    for text in REFUSED:
        with pytest.raises(client.ApiException, match="400"):
            submit(text)
        with pytest.raises(ValueError, match=r"quantity|suffix"):
            quantity_of(text)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("100 m", "did you mean 100m, without the blank"),
        ("1 Gi", "did you mean 1Gi, without the blank"),
        (" 100m", "write 100m without the blanks"),
        ("0,5", "did you mean 0.5?"),
        ("1,000m", "write 1000m for thousands"),
        ("2 cores", "did you mean 2?"),
        ("1000mi", "did you mean Mi?"),
        ("6GiB", "did you mean Gi?"),
        ("1e3Mi", "write 1000Mi"),
    ],
)
def test_what_was_probably_meant_is_said(text: str, meant: str) -> None:
    with pytest.raises(ValueError, match=re.escape(meant)):
        quantity_of(text)
