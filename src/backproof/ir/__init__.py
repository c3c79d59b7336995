"""The intermediate representation: expressions, programs, evaluation, traversal."""
