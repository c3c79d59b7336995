"""Proof: every step of a derivation as an exact identity modulo a prime, and its numbers against fifty digits."""

from backproof.proof.certificate import METHODS, Certificate, Failure, StepProof
from backproof.proof.prover import prove
from backproof.proof.view import prove_view

__all__ = ["METHODS", "Certificate", "Failure", "StepProof", "prove", "prove_view"]
