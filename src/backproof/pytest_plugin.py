"""The pytest fixture ``backproof_check``: a test fails where a backward pass is wrong, and says which equation is.

Pytest loads this module at its start, so it imports nothing that costs: Backproof itself is loaded by the first test
that asks for the fixture. It keeps nothing between tests, so that they may run in any order and process.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import pytest

import backproof

if TYPE_CHECKING:
    from backproof.checking import Report


class Check(Protocol):
    """What the fixture gives."""

    def __call__(self, subject: Any, net: Any, **options: Any) -> Report:
        """Check the subject against the network, and fail the test unless everything is right."""
        ...


def checked(subject: Any, net: Any, **options: Any) -> Report:
    """The report of ``backproof.check``, where all is right; otherwise the test fails with the report as its message.

    Args:
        subject, net, options: as for ``backproof.check``; with ``allow_uninformative=True`` what could not be decided
            passes, too.
    """
    __tracebackhide__ = True
    report = backproof.check(subject, net, **options)
    if not report.passes:
        pytest.fail(str(report), pytrace=False)
    return report


@pytest.fixture
def backproof_check() -> Check:
    """``backproof_check(my_gradients, "3-2-1")`` fails the test unless every gradient is right; see ``bp.check``."""
    return checked
