"""Reports as a page and as a fragment for notebooks: escaped, in the browser without complaint, narrow as a phone."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import checked_reports as reports
from backproof.checking import Report

if TYPE_CHECKING:
    from playwright.sync_api import Page

PHONE = 390


def test_the_page_has_the_verdict_the_faults_and_the_derivation() -> None:
    html = reports.wrong().html()
    for anchor in ("check-verdict", "check-faults", "check-values", "derivation", "fault-1"):
        assert f'id="{anchor}"' in html
    assert "✗" in html
    assert r"\underbrace{" in html
    assert "wrong in yours" in html
    assert "right in yours" in html
    assert html.index('id="check-verdict"') < html.index('id="derivation"')


def test_a_right_page_has_no_faults() -> None:
    html = reports.right().html()
    assert "check-faults" not in html
    assert "wrong in yours" not in html


def test_the_users_values_stand_beside_the_right_ones() -> None:
    report = reports.wrong()
    html = report.html()
    wrong = next(judged for judged in report.judged if judged.id == "grad_W_1")
    assert wrong.deviation is not None
    for value in (wrong.deviation.value, wrong.deviation.right):
        assert f'<td class="worst">{value:.5g}</td>'.replace("-", "−") in html


def test_the_derivation_has_the_users_values_under_the_right_ones() -> None:
    assert "✗ result[&#39;W_1&#39;] has in its place" in reports.wrong().html()
    assert "has in its place" not in reports.right().html()


def test_an_equation_of_a_layer_that_is_like_the_others_is_shown_where_it_is_wrong() -> None:
    assert "wrong in yours" in reports.deep().html()


@pytest.mark.parametrize("text", [reports.hostile().html(), reports.hostile()._repr_html_()], ids=["page", "fragment"])
def test_no_text_of_a_users_becomes_markup(text: str) -> None:
    assert "<script>window" not in text
    assert "<img src=x" not in text
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_the_fragment_needs_no_script() -> None:
    fragment = reports.wrong()._repr_html_()
    assert "<script" not in fragment
    assert "Δl_1 = (Δl_2 . W_2ᵀ)" in fragment
    assert len(fragment) < 20_000


@pytest.mark.parametrize("make", [reports.wrong, reports.deep, reports.saturated, reports.hostile])
def test_in_a_browser(make: Callable[[], Report], page: Page, tmp_path: Path) -> None:
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.set_viewport_size({"width": PHONE, "height": 800})
    make().save(tmp_path / "report.html")
    page.goto((tmp_path / "report.html").as_uri())
    page.wait_for_timeout(200)
    assert complaints == []
    assert page.evaluate("window.attacked") is None
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE
    assert page.locator("[data-tex]:not(.typeset)").count() == 0
    assert page.locator(".katex-error").count() == 0
    assert page.locator("#check-verdict").is_visible()
    assert re.search(r"[✓✗?]", page.locator(".headline").inner_text())
