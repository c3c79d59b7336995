"""The kinds of fault that a check can name: how common each is, and the sentence that tells it.

Source:
    The ranks follow how often a kind is asked about or corrected in public: questions on Stack Overflow and Cross
    Validated, and corrections of published implementations.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of fault.

    Args:
        id: stable, in kebab-case.
        rank: how common it is: of two explanations that fit alike, the one of lower rank stands first.
        sentence: a template; ``{target}`` is the left-hand side of the equation, ``{part}`` what is missing or
            replaced, ``{instead}`` what stands there, ``{function}`` the name of a function, ``{value}`` a number.
    """

    id: str
    rank: int
    sentence: str


_BY_VALUE: tuple[tuple[str, str], ...] = (
    ("derivative-missing", "{target} lacks the factor {part}, the derivative of {function}"),
    ("output-error", "{target} is made with the output error {instead} where the back-propagated {part} belongs"),
    ("error-without-derivative", "{target} is made with {instead}, which lacks the derivative {function} of {part}"),
    ("transposed", "{target} is transposed: it holds the transpose of {part}"),
    ("transpose-missing", "{target} has {instead} where {part} belongs"),
    ("sum-for-mean", "{target} is {value} times too large: it is summed where the loss averages"),
    ("mean-for-sum", "{target} is {value} times too small: it is averaged where the loss sums"),
    ("average-doubled", "{target} is {value} times too small: it is averaged twice"),
    ("sign", "{target} has the wrong sign"),
    ("error-reversed", "{target} has {instead} where {part} belongs: the sign is wrong"),
    ("stray-factor", "{target} is {value} times what it should be"),
    ("stale-weights", "{target} is made with {instead}: the weights were updated before they were used"),
    ("wrong-activation", "{target} is made with {instead} where {part} belongs"),
    ("weight-for-activation", "{target} is made with the weights {instead} where the activation {part} belongs"),
    ("wrong-weight", "{target} is made with the weights {instead} where {part} belongs"),
    ("wrong-delta", "{target} is made with {instead} where {part} belongs"),
    ("gradients-swapped", "{target} holds {instead}: the gradients are exchanged"),
    ("gradient-of-other", "{target} holds {instead}, the gradient of another parameter"),
    ("elementwise-product", "{target} multiplies entry by entry where the matrix product {part} belongs"),
    ("derivative-of-wrong-variable", "{target} has the derivative of {function} as {instead} where {part} belongs"),
    ("factor-missing", "{target} lacks the factor {part}"),
    (
        "derivative-of-other-function",
        "{target} has the derivative of {instead} where that of {function} belongs, {part}",
    ),
    ("derivative-twice", "{target} has the factor {instead}, the derivative of {function}, once too often"),
    ("penalty-missing", "{target} lacks the gradient {part} of the penalty"),
    ("penalty-averaged", "{target} has the gradient {part} of the penalty divided by {value}"),
    ("penalty-scaled", "{target} has the gradient {part} of the penalty {value} times"),
    ("penalty-added", "{target} has {value} times {part} in it, like the gradient of a penalty that the loss lacks"),
    ("bias-total", "every entry of {target} is the sum of all of {part}: it must be summed over the samples only"),
    ("bias-axis", "{target} sums {part} over the wrong axis"),
    ("bias-unsummed", "{target} is {part} itself: it must be summed over the samples"),
    ("one-sample", "{target} is that of the {value} sample alone: it must be summed over the samples"),
    ("bias-times-input", "{target} is multiplied by {instead}: a bias multiplies nothing"),
    ("bias-averaged", "{target} is the mean of {part} over the samples where the sum belongs"),
    ("softmax-dot-term", "{target} lacks the term {part} of softmax's Jacobian"),
    ("softmax-as-sigmoid", "{target} has the derivative {instead} of sigmoid where softmax's Jacobian {part} belongs"),
    ("broadcast", "{target} has {instead} where {part} belongs: (n,) against (n, 1) makes an n×n matrix"),
    ("other-loss", "{target} follows the {instead} where the declared loss is the {function}"),
    ("factor-doubled", "{target} has the factor {part} once too often"),
    ("term-missing", "{target} lacks the term {part}"),
    ("term-sign", "{target} has the term {part} with the wrong sign"),
    ("term-scaled", "{target} has the term {part} {value} times"),
    ("difference-reversed", "{target} has {instead} where {part} belongs"),
    ("divided", "{target} divides by {part} where it must multiply"),
    ("power-missing", "{target} has {instead} where {part} belongs"),
    ("function-missing", "{target} has {instead} where {part} belongs"),
    ("mask-reversed", "{target} has the mask {instead} where {part} belongs"),
    ("wrong-number", "{target} has the number {instead} where {part} belongs"),
    ("wrong-axis", "{target} has {part} over the wrong axis"),
    ("factors-swapped", "{target} multiplies in the wrong order: {instead} where {part} belongs"),
    ("argument-for-activation", "{target} is made with the argument {instead} where the activation {part} belongs"),
    ("wrong-operand", "{target} is made with {instead} where {part} belongs"),
    ("bias-left-out", "{target} lacks the bias {part}"),
    ("activation-left-out", "{target} is not put through {function}"),
    ("other-activation", "{target} is put through {instead} where {function} belongs"),
    ("forward-differs", "{target} is computed with {instead} where {part} belongs"),
    ("function-misdefined", "{target} has {instead} where {part} belongs"),
    ("entry-off", "entry {value} of {target} is wrong, and no other"),
    ("zero", "{target} is zero"),
    ("shapes", "the shapes in the formula for {target} do not fit: {part}"),
    ("not-followed", "{target} does not follow its equation {part}"),
)

_OTHERWISE: tuple[tuple[str, str], ...] = (
    ("raises", "{target} raises {value}"),
    ("shape", "{target} has shape {instead}, but {part} has another"),
    ("update-sign", "{target} adds the gradients to the parameters: it goes up the loss"),
    ("updates-swapped", "{target} exchanges the updates of {part}: each gets the other's gradient"),
    ("weights-before-step", "{target} updates weights before they are used"),
    ("shape-tuple", "{target} takes a shape as {instead} where {part} belongs"),
    ("one-dimensional", "{target} is one-dimensional, so that its transpose is no column"),
    ("shapes-disagree", "{target} raises: the shapes in it do not fit"),
    ("unknown-name", "{target} is not defined"),
    ("no-update", "{target} changes no parameter, neither in place nor in what it returns"),
    ("rate-ignored", "{target} makes the same update at every learning rate: it ignores its rate"),
    ("loss-differs", "{target} is not the declared loss"),
    ("not-finite", "{target} is not finite: something overflows or is divided by zero"),
    ("not-repeatable", "{target} gives other gradients when it is called again at the same point"),
    ("unexplained", "{target} is wrong, and no known fault explains it"),
)
"""Faults that show otherwise than by a value that a mutant gives: their sentences are made where they are found."""

_TABLE = (*_BY_VALUE, *_OTHERWISE)

KINDS: Mapping[str, Kind] = {id: Kind(id, rank, sentence) for rank, (id, sentence) in enumerate(_TABLE, start=1)}
"""Every kind by its identifier; the order of the table is the order of the ranks."""


def rank_of(kind: str) -> int:
    """How common the kind is: 1 the most; a kind without a row comes last.

    Example:
        >>> rank_of("derivative-missing") < rank_of("entry-off") < rank_of("no such kind")
        True
    """
    return KINDS[kind].rank if kind in KINDS else len(KINDS) + 1


def sentence_of(kind: str, **pieces: str) -> str:
    """The sentence of the kind with its pieces put in.

    Example:
        >>> sentence_of("sign", target="Δl_2")
        'Δl_2 has the wrong sign'
    """
    return KINDS[kind].sentence.format(**pieces)
