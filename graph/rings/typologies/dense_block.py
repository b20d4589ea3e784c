"""Dense blocks: sellers and buyers who within weeks nearly all bill each other, and hardly before or after.

**Definition.** A pair is *passing* where most of its invoices (``pair_share``) lie within ``span_days``.
Among the passing pairs of a window of that length, a block is a set of at least ``fewest_sellers`` and
``fewest_buyers`` that has at least ``least_density`` of all possible pairs and is denser, weighted, than
what is around it. Lasting trade is no part of it, however dense; and trade among the members runs from its
sellers to its buyers (where it runs in all directions, see ``tight_community``).

**Parameters.** See ``DenseBlockSettings``.

**Published.** Hooi et al. (2016), "FRAUDAR: Bounding Graph Fraud in the Face of Camouflage", KDD: greedy
peeling with weights that discount popular counterparties, so that ordinary invoices to large companies do
not hide a block (see ``peeling``). A pair weighs what it surprises by, as in the strength, which discounts
popularity on both sides: here either may hide.

**Strength.** Members of a block hang together by one pair less than there are members; each pair beyond
that is a coincidence whose chance, with everyone's number of partners given, is ``d_seller d_buyer / pairs``
(Chung and Lu 2002). Strength is the number of those pairs times the mean of the negative logarithms.

**False friends.** A wholesaler and its shops, a regional market, an enterprise's panel of suppliers: they
trade for long, and are left out as lasting. A market that began less than ``span_days`` ago looks like a
block until it has lasted; so do a trade fair and a one-off project with many contractors.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numba
import numpy as np

from graph.rings import wording
from graph.rings.arrays import Flags, Floats, Int32, Int64
from graph.rings.columns.flows import Flows, invoice_flows
from graph.rings.columns.pairs import Pairs, paired
from graph.rings.columns.rows import evidence_rows, matches, ranges
from graph.rings.columns.shuffles import rewired
from graph.rings.finding import Detection, Finding, Member
from graph.rings.patterns.overlaps import distinct
from graph.rings.patterns.peeling import Shape, blocks, core
from graph.rings.typology import Naming, Typology
from graph.snapshot import Snapshot

CODE = "dense_block"


@dataclass(frozen=True)
class DenseBlockSettings:
    """``span_days``: length of a window; ``step_days``: from one to the next. ``pair_share``: of a pair's
    invoices that lie within one window, at least. ``least_density``: of all possible pairs of a block.
    ``least_share``: of the other side, that each member trades with. ``most_other``: pairs among the members
    that run otherwise than from seller to buyer, by those that do; and members on both sides, of all.
    ``most_rounds``: of finding blocks in a window and taking them out. ``most_findings``: the strongest;
    ``most_evidence``: rows of a finding, the largest."""

    span_days: int = 120
    step_days: int = 30
    pair_share: float = 2 / 3
    fewest_sellers: int = 3
    fewest_buyers: int = 3
    least_density: float = 0.5
    least_share: float = 0.5
    most_other: float = 0.25
    most_rounds: int = 20
    most_findings: int = 20_000
    most_evidence: int = 500


@dataclass(frozen=True)
class _Block:
    """``pairs``: positions of its pairs; ``strength`` as in a finding; ``density`` of all possible pairs."""

    sellers: Int32
    buyers: Int32
    pairs: Int64
    strength: float
    density: float


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def _bursts(bounds: Int64, day: Int32, span_days: int) -> tuple[Int64, Int64]:
    """Positions of the first transfer, and of that after the last, of each pair's busiest span."""
    first, last = bounds[:-1].copy(), bounds[:-1].copy()
    for pair in range(len(bounds) - 1):
        begin = bounds[pair]
        for end in range(bounds[pair], bounds[pair + 1]):
            while day[end] - day[begin] >= span_days:
                begin += 1
            if end + 1 - begin > last[pair] - first[pair]:
                first[pair], last[pair] = begin, end + 1
    return first, last


def _windows(pairs: Pairs, first: Int64, last: Int64, settings: DenseBlockSettings) -> Iterator[Int64]:
    """Positions of the passing pairs of each window: those whose busiest span has its middle in it."""
    day = pairs.flows.day
    passing = np.flatnonzero(last - first >= settings.pair_share * np.diff(pairs.bounds))
    middle = (day[first[passing]] + day[last[passing] - 1]) // 2
    order = np.argsort(middle, kind="stable")
    passing, middle = passing[order], middle[order]
    for start in np.arange(middle[0], middle[-1] + 1, settings.step_days) if len(middle) else ():
        low, high = np.searchsorted(middle, (start, start + settings.span_days))
        yield passing[low:high]


def _blocks_among(pairs: Pairs, chosen: Int64, settings: DenseBlockSettings) -> list[_Block]:
    """Blocks of the graph that the ``chosen`` pairs make; pairs of those found are taken out for the next."""
    _, left, sold = np.unique(pairs.source[chosen], return_inverse=True, return_counts=True)
    _, right, bought = np.unique(pairs.target[chosen], return_inverse=True, return_counts=True)
    surprise = np.maximum(np.log(len(chosen) / (sold[left] * bought[right])), 0)
    shape = Shape(settings.fewest_sellers, settings.fewest_buyers, settings.least_density)
    found: list[_Block] = []
    rest = np.arange(len(chosen))
    for _ in range(settings.most_rounds):
        rest = rest[core(left[rest], right[rest], 2)]
        here, there = (np.unique(side[rest], return_inverse=True)[1] for side in (left, right))
        of_seller, of_buyer = blocks(here, there, surprise[rest], shape)
        of_edge = np.where(of_seller[here] == of_buyer[there], of_seller[here], -1)
        done = np.zeros(len(rest), np.bool_)
        for label in np.unique(of_edge[of_edge >= 0]):
            inside = np.flatnonzero(of_edge == label)
            kept = inside[_close(here[inside], there[inside], settings.least_share)]
            one = _block(pairs, chosen[rest[kept]], surprise[rest[kept]])
            large = len(one.sellers) >= settings.fewest_sellers and len(one.buyers) >= settings.fewest_buyers
            if large and one.strength > 0:
                found.append(one)
                inside = kept
            done[inside] = True
        if not done.any():
            break
        rest = rest[~done]
    return found


def _close(left: Int64, right: Int64, least_share: float) -> Flags:
    """Edges left when whoever trades with the least share of the other side is taken away, one by one, until
    everyone trades with ``least_share`` of it: two blocks that hardly touch become one of them."""
    (sellers, here), (buyers, there) = (np.unique(side, return_inverse=True) for side in (left, right))
    met = np.zeros((len(sellers), len(buyers)), np.bool_)
    met[here, there] = True
    sold, bought = met.sum(axis=1).astype(np.float64), met.sum(axis=0).astype(np.float64)
    while True:
        seller, buyer = int(sold.argmin()), int(bought.argmin())
        share_sold = sold[seller] / max(1, np.isfinite(bought).sum())
        share_bought = bought[buyer] / max(1, np.isfinite(sold).sum())
        # Infinite where nobody is left on that side.
        if min(share_sold, share_bought) >= least_share:
            return np.asarray(np.isfinite(sold)[here] & np.isfinite(bought)[there])
        if share_sold <= share_bought:
            bought -= met[seller]
            sold[seller] = np.inf
        else:
            sold -= met[:, buyer]
            bought[buyer] = np.inf


def _block(pairs: Pairs, inside: Int64, surprise: Floats) -> _Block:
    sellers, buyers = np.unique(pairs.source[inside]), np.unique(pairs.target[inside])
    beyond_tree = len(inside) - len(sellers) - len(buyers) + 1
    density = len(inside) / (len(sellers) * len(buyers))
    return _Block(sellers, buyers, inside, float(beyond_tree * surprise.mean()), density)


def _one_way(pairs: Pairs, block: _Block, most_other: float) -> bool:
    """Whether hardly a member is on both sides, and hardly any trade of theirs runs otherwise than across."""
    members = np.union1d(block.sellers, block.buyers)
    if len(np.intersect1d(block.sellers, block.buyers)) > most_other * len(members):
        return False
    among = int(np.isin(pairs.target[matches(members, pairs.source)[1]], members).sum())
    return among - len(block.pairs) <= most_other * len(block.pairs)


def _finding(snapshot: Snapshot, block: _Block, flows: Flows, most_evidence: int) -> Finding:
    """``flows``: the block's transfers."""
    both = set(block.sellers.tolist()) & set(block.buyers.tolist())
    roles = dict.fromkeys(block.buyers.tolist(), "buyer") | dict.fromkeys(block.sellers.tolist(), "seller")
    return Finding(
        typology=CODE,
        members=tuple(
            Member(code, "trader" if code in both else role) for code, role in sorted(roles.items())
        ),
        first_on=int(flows.day.min()),
        last_on=int(flows.day.max()),
        amount=int(flows.amount.sum()),
        strength=block.strength,
        evidence=evidence_rows(snapshot, "invoices", flows.largest(most_evidence).row),
        facts={
            "sellers": len(block.sellers),
            "buyers": len(block.buyers),
            "pairs": len(block.pairs),
            "density": block.density,
            "invoices": len(flows),
        },
    )


def detect(snapshot: Snapshot, settings: DenseBlockSettings) -> Detection:
    """Dense blocks of passing trade, window by window. ``snapshot``: in order."""
    pairs = paired(invoice_flows(snapshot))
    first, last = _bursts(pairs.bounds, pairs.flows.day, settings.span_days)
    found: list[_Block] = []
    for chosen in _windows(pairs, first, last, settings):
        blocks_here = _blocks_among(pairs, chosen, settings)
        found += [block for block in blocks_here if _one_way(pairs, block, settings.most_other)]
    found.sort(key=lambda block: (-block.strength, block.pairs.tolist()))
    kept = distinct(found, lambda block: block.pairs.tolist(), settings.most_findings)
    cut = len(kept) == settings.most_findings
    findings = []
    for block in kept:
        rows = ranges(first[block.pairs], last[block.pairs])[1]
        findings.append(_finding(snapshot, block, pairs.flows.only(rows), settings.most_evidence))
    return Detection(
        tuple(findings),
        (f"more than {settings.most_findings:,} blocks: only the strongest are kept",) if cut else (),
    )


def shuffle(snapshot: Snapshot, random: np.random.Generator) -> Snapshot:
    """Buyers of whole pairs of trade permuted among pairs that began at about the same time."""
    return rewired(snapshot, "invoices", "seller_id", "buyer_id", "issued_on", random)


def explain(finding: Finding, naming: Naming, currency: str) -> str:
    """What the records show, in one paragraph."""
    facts = finding.facts

    def named(*roles: str) -> str:
        return wording.listing(map(naming, finding.in_role(*roles)))

    return (
        f"The records show {wording.counted(int(facts['invoices']), 'invoice')} over "
        f"{wording.money(finding.amount, currency)} {wording.span(finding.first_on, finding.last_on)} "
        f"between {wording.counted(int(facts['sellers']), 'seller')} ({named('seller', 'trader')}) and "
        f"{wording.counted(int(facts['buyers']), 'buyer')} ({named('buyer', 'trader')}): "
        f"{wording.share(float(facts['density']))} of all possible pairs of them traded, mostly in these "
        f"weeks alone. As many partners as each of them had would rarely be the same ones by chance. "
        f"A trade fair, a project or a new market can look the same; what was delivered, and why then, "
        f"would tell."
    )


TYPOLOGY = Typology(
    code=CODE,
    title="Dense block of sellers and buyers",
    definition=(
        "Three or more sellers and three or more buyers of whom nearly all bill each other within four "
        "months, with little trade between them before or after, and hardly any that runs the other way."
    ),
    published=(
        "Hooi, Song, Beutel, Shah, Shin, Faloutsos (2016): FRAUDAR: Bounding Graph Fraud in the Face of "
        "Camouflage. KDD."
    ),
    false_friends=(
        "A wholesaler and its shops, a regional market, a panel of suppliers (they trade for long); trade "
        "fairs, projects with many contractors, markets that have just begun."
    ),
    tables=("invoices",),
    settings=DenseBlockSettings(),
    detect=detect,
    shuffle=shuffle,
    explain=explain,
)
