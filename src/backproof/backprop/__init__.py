"""The one differentiator: the reverse sweep, the trace of its steps, simplification, the scalar view."""
