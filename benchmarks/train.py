"""The speed of training steps beside other libraries: the command ``backproof bench``, from a checkout.

python benchmarks/train.py                                      everything, some minutes
python benchmarks/train.py --quick --workload seed              a first look
python benchmarks/train.py --markdown out.md --chart out.svg    for a report
"""

from __future__ import annotations

import sys

from backproof.cli import main

if __name__ == "__main__":
    main(["bench", *sys.argv[1:]])
