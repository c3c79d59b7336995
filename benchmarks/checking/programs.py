"""Programs: small training programs with one fault each, or none, and what a check says of each.

    python benchmarks/checking/programs.py              all of them
    python benchmarks/checking/programs.py --quick      one in ten

A faulty one is diagnosed where a finding stands at the line of the manifest, or names its equation; "mended" says that
the first finding has a repair that was run and checked. Of a correct one nothing wrong may be said.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any

from backproof.checking.findings import Finding, Verdict
from backproof.checking.scripts import check_script
from backproof.errors import BackproofError

TESTS = Path(__file__).parent.parent.parent / "tests"
PROGRAMS = TESTS / "programs" / "checking"


def is_named(finding: Finding, fault: dict[str, Any]) -> bool:
    """Whether the finding stands at the line of the fault, or names its equation."""
    lines = {fault["line"], *(int(line) for line in fault["repair"])}
    return finding.line in lines or (bool(finding.equation) and finding.equation == fault["equation"])


def main() -> None:
    """Run, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one program in ten")
    arguments = parser.parse_args()
    sys.path.insert(0, str(TESTS))  # the manifest's networks are read by what proves it
    checking_programs = import_module("checking_programs")
    entries = json.loads((PROGRAMS / "manifest.json").read_text(encoding="utf-8"))[:: 10 if arguments.quick else 1]
    faulty = diagnosed = mended = complaints = 0
    started = time.perf_counter()
    for entry in entries:
        try:
            report = check_script(PROGRAMS / entry["program"], checking_programs.network(entry["network"]).program())
        except BackproofError as problem:
            print(f"FAILED {entry['program']}: {problem}", flush=True)
            faulty += "fault" in entry
            continue
        if "fault" not in entry:
            complaints += report.verdict is Verdict.WRONG
            said = "COMPLAINT: " + report.sentence if report.verdict is Verdict.WRONG else str(report.verdict)
            print(f"{entry['program']}: {said}", flush=True)
            continue
        named = next((finding for finding in report.findings if is_named(finding, entry["fault"])), None)
        repaired = named is not None and named.repair is not None and named.repair.checked
        faulty, diagnosed, mended = faulty + 1, diagnosed + (named is not None), mended + repaired
        said = f"{named.kind}, {'mended' if repaired else 'NOT MENDED'}" if named else f"MISSED: {report.sentence}"
        print(f"{entry['program']}: {entry['fault']['kind']}: {said}", flush=True)
    print(f"{diagnosed} of {faulty} diagnosed, {mended} mended; {complaints} complaints about {len(entries) - faulty}")
    print(f"{time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
