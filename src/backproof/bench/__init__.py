"""The speed of training steps beside that of other libraries: same data, same initial weights, same arithmetic."""

from backproof.bench.measure import Plan, Row, measure
from backproof.bench.peers import PEERS, installed
from backproof.bench.workloads import WORKLOADS, Workload

__all__ = ["PEERS", "WORKLOADS", "Plan", "Row", "Workload", "installed", "measure"]
