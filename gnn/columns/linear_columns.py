"""The network's columns of a relation and what they are sums of; serving reads them with numpy alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

#: Name of the relation that is the union of all.
ANY = "any"

#: Weights below this are rounding, not paths.
EPSILON = 1e-6

#: What each party gives to those who look at it: columns of ``Payload.given``.
GIVEN = ("s", "has", "degree", "bad_beyond_prior", "cases", "residual", "known")

#: What a pair gives beside: the counterparty's record with others. Columns of ``pair_records``.
RECORDS = ("record_bad_beyond_prior", "record_cases", "record_rate", "record_log_cases")

#: Pseudo-cases of the prior in a rate of known results.
PRIOR_CASES = 2.0
#: Keeps the residual of barely observed surroundings small.
RESIDUAL_FLOOR = 0.05

Denominator = Literal["one", "has", "reach", "cases", "known", "record"]


@dataclass(frozen=True)
class LinearColumn:
    """Σ weight·given / denominator; ``centred``: a mean, unknown (NaN) where nobody is there to be averaged.

    ``given``: a name of ``GIVEN``, of ``RECORDS``, or "one".
    """

    name: str
    given: str
    denominator: Denominator
    centred: bool


_BOTH_HOPS = (
    LinearColumn("s", "s", "has", True),
    LinearColumn("has", "has", "one", False),
    LinearColumn("reach", "one", "one", False),
    LinearColumn("degree", "degree", "reach", True),
    LinearColumn("coverage", "known", "reach", True),
    LinearColumn("rate", "bad_beyond_prior", "cases", False),
    LinearColumn("residual", "residual", "known", False),
)
_RECORD = (
    LinearColumn("record", "record_bad_beyond_prior", "record", False),
    LinearColumn("record_mean", "record_rate", "reach", True),
    LinearColumn("record_cases", "record_log_cases", "reach", True),
)


def linear_columns(relation: str, hop: int) -> tuple[LinearColumn, ...]:
    """The network's columns of a relation and hop (1 or 2)."""
    return (*_BOTH_HOPS, *_RECORD) if hop == 1 and relation != ANY else _BOTH_HOPS
