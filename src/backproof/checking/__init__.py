"""Other people's gradients, judged and diagnosed against the derivation: which equation is wrong, and its repair."""
