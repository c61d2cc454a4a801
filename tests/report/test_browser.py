"""Reports looked at in a real browser: they render, at both widths nothing sticks out, tables can be read."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

PROBE = """<script>
addEventListener("load", () => {
  const frame = document.querySelector("iframe"), page = frame.contentDocument, root = page.documentElement;
  const shown = (one) => one.getClientRects().length > 0;
  const all = (name) => [...page.querySelectorAll(name)].filter(shown);
  const style = (one) => frame.contentWindow.getComputedStyle(one);
  const out = {
    width: frame.contentWindow.innerWidth, scrolls: root.scrollWidth,
    beside: all("body *").filter((one) => !one.closest(".scroll, svg") && one.getBoundingClientRect().right > root.clientWidth + 1)
      .map((one) => one.tagName + "." + one.className),
    tables: all("table").length,
    boxes: all(".scroll").filter((one) => style(one).overflowX !== "auto").length,
    smallest: Math.min(...all("td, th, p, li").map((one) => parseFloat(style(one).fontSize))),
    letters: Math.min(...all("svg text").map((one) => one.getBoundingClientRect().height)),
    plots: all("svg").map((one) => one.getBoundingClientRect().width),
    cut: all("svg").filter((svg) => { const box = svg.getBoundingClientRect();
      return [...svg.querySelectorAll("text")].some((one) => { const mine = one.getBoundingClientRect();
        return mine.left < box.left - 1 || mine.right > box.right + 1; }); }).length,
    ink: style(page.querySelector("h1")).color, paper: style(root).backgroundColor,
  };
  const pre = document.createElement("pre"); pre.id = "probe"; pre.textContent = JSON.stringify(out);
  document.body.append(pre);
});
</script>"""


def look(chromium: str, tmp_path: Path, html: str, width: int, *flags: str) -> dict[str, object]:
    """Measure a page as it is laid out in a window of that width; the page itself is left as it is."""
    (tmp_path / "report.html").write_text(html)
    # A frame, since a window cannot be made narrower than 500 pixels.
    frame = f'<iframe src="report.html" style="border:0;width:{width}px;height:900px"></iframe>'
    probe = tmp_path / "probe.html"
    probe.write_text(f"<!doctype html><body style='margin:0'>{frame}{PROBE}</body>")
    argv = [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
    argv += ["--disable-background-networking", "--disable-component-update", "--disable-sync", *flags]
    argv += ["--allow-file-access-from-files", f"--user-data-dir={tmp_path / 'profile'}", "--window-size=1400,1000"]
    argv += ["--virtual-time-budget=20000", "--dump-dom", probe.as_uri()]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=True)
    found = re.search(r'<pre id="probe">(.*?)</pre>', done.stdout, re.DOTALL)
    assert found, f"the page did not load: {done.stdout[-500:]} {done.stderr[-500:]}"
    out: dict[str, object] = json.loads(found[1].replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))
    return out


@pytest.mark.parametrize("width", [1280, 390])
def test_a_report_fits_the_window_and_can_be_read(html: str, chromium: str, tmp_path: Path, width: int) -> None:
    seen = look(chromium, tmp_path, html, width)
    assert seen["width"] == width
    assert int(str(seen["scrolls"])) <= width, "the page scrolls sideways"
    assert seen["beside"] == []
    assert seen["boxes"] == 0, "a wide table must scroll in its own box"
    assert seen["tables"] and seen["plots"]
    assert float(str(seen["smallest"])) >= 12, "text of tables is too small"
    assert float(str(seen["letters"])) >= 8, "text in plots is too small"
    assert seen["cut"] == 0, "text of a plot sticks out of it"


def test_a_page_that_is_too_wide_is_noticed(html: str, chromium: str, tmp_path: Path) -> None:
    seen = look(chromium, tmp_path, html.replace("overflow-x: auto", "overflow-x: visible"), 390)
    assert seen["boxes"] and int(str(seen["scrolls"])) > 390


def test_a_report_is_dark_where_the_reader_wants_it_dark(html: str, chromium: str, tmp_path: Path) -> None:
    light = look(chromium, tmp_path, html, 1280)
    dark = look(chromium, tmp_path, html, 1280, "--blink-settings=preferredColorScheme=0")
    assert _brightness(light["paper"]) > 0.9 > 0.3 > _brightness(light["ink"])
    assert _brightness(dark["paper"]) < 0.2 < 0.7 < _brightness(dark["ink"])


def _brightness(colour: object) -> float:
    """Of a computed `rgb(…)`, 0 to 1."""
    return sum(int(part) for part in re.findall(r"\d+", str(colour))[:3]) / 765
