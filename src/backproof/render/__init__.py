"""Documents made from a derivation: text, LaTeX, HTML, Markdown, notebook, and the network diagram."""
