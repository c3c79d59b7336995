"""The main job, `backproof run`: a table in; derivation, proof, training and a report out."""
