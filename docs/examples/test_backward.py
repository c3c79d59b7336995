"""Tests of the backward pass in backward.py: run them with pytest."""

from backward import gradients, step


def test_the_gradients_are_right(backproof_check):
    backproof_check(gradients, "3-2-1")


def test_a_step_uses_them_in_the_right_order(backproof_check):
    backproof_check(step, "3-2-1")
