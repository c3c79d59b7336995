"""``backproof prove``: every step of the derivation as a theorem, with its bound."""

from __future__ import annotations

import json
import textwrap
from typing import Annotated

import typer

from backproof.cli.options import OUTPUT, Json, Seed, network_options, option, takes
from backproof.ir.program import Program

DOES_NOT_HOLD = 1
WIDTH = 80


@takes(program=network_options)
def prove(
    program: Program,
    points: Annotated[
        int, option("--points", panel=OUTPUT, help="Independent points of the identity test.", min=1, max=100)
    ] = 3,
    steps: Annotated[bool, option("--steps/--no-steps", panel=OUTPUT, help="A line for every step.")] = True,
    as_json: Json = False,
    seed: Seed = 0,
) -> None:
    """Prove every step of the derivation, exactly and in numbers. Exit code 1 where one does not hold.

    Each step is tested as an identity modulo a prime at random points, with a bound on the chance of error; the
    equations in floating point are compared with 50 digits within a bound from rounding analysis. That each rule
    agrees with independent sources is part of the test suite.
    """
    from backproof.derivation import derive as derived

    derivation = derived(program).proved(points=points, seed=seed)
    certificate, view = derivation.certificate, derivation.view_proofs
    assert certificate is not None  # proved() has just made it
    failed = [proof for proof in view if not proof.holds]
    holds = certificate.ok and not failed
    if as_json:
        print(json.dumps({**certificate.to_dict(), "ok": holds, "view_failures": [p.name for p in failed]}, indent=2))
    else:
        held = f"Weight by weight: {len(view) - len(failed)} of {len(view)} displayed equations hold."
        complaints = (f"{proof.name}: {'; '.join(proof.complaints)}" for proof in failed)
        for line in (*certificate.summary(), held, *complaints):
            print(textwrap.fill(line, WIDTH, subsequent_indent="  "))
        if steps:
            print("\n" + certificate.table())
    if not holds:
        raise typer.Exit(DOES_NOT_HOLD)
