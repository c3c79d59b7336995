"""Formulas and programs as text, read by a grammar of our own: nothing that a user writes is ever executed."""

from backproof.parsing.formulas import LONGEST_FORMULA, parse_expression, parse_scalar_formula
from backproof.parsing.names import check_identifier, check_name
from backproof.parsing.programs import parse

__all__ = ["LONGEST_FORMULA", "check_identifier", "check_name", "parse", "parse_expression", "parse_scalar_formula"]
