"""Hidden related-party trade: a seller and a buyer that are near each other and trade unlike others.

Definition: over standing ties (owner, controller, legal representative, address, phone, account, device)
and over no third company the two are at most ``steps`` apart, neither belongs openly to the other's group,
and their invoices stand out: each is a large part of the other's trade, amounts are rounder than the seller's
other amounts, or dates lie closer to the ends of months than the seller's other dates.

Published: ISA 550 (Related Parties) and IAS 24 ask for what is here measured: dominant influence through
people, undisclosed parties, terms and timing out of the ordinary (see ``trade_habits``).

False friends: many firms at one business centre or franchise address, and agents who represent hundreds of
firms (hubs are not walked through, and said; common ties count less); a declared group, where one company
owns the other (left out); persons with several firms that happen to trade a little (ordinary trade is no
clue, and chance pairs are measured on shuffles of who is tied to whom).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from graph.relations import day_number
from graph.rings import wording
from graph.rings.arrays import Floats, Int32, Int64
from graph.rings.columns.components import components
from graph.rings.columns.flows import Flows, invoice_flows
from graph.rings.columns.kinship import KIN_KINDS, NOBODY, Kinship, Paths, joined_by, kinship_of, role_between
from graph.rings.columns.rows import bounds, evidence_rows, ranges
from graph.rings.columns.shuffles import peers, relabelled
from graph.rings.columns.ties import declared_groups, ties_of
from graph.rings.finding import Detection, Finding, Member
from graph.rings.patterns.trade_habits import PairTrade, pair_trade
from graph.rings.typology import Naming, Typology
from graph.snapshot import Snapshot

CODE = "related_party_trade"
#: Invoices of a pair that are named as evidence, the largest.
MOST_EVIDENCE = 40


@dataclass(frozen=True)
class RelatedTradeSettings:
    """``steps``: ties between seller and buyer at most (1 to 3). ``most_ties``: a party with more is not
    walked through. ``history_days``: invoices of so many days before the snapshot's day are looked at.
    ``fewest_invoices`` between the two. ``least_surprise``: nats by which their trade must stand out.
    ``most_pairs``: of those that do, so many at most are looked at, the most striking."""

    steps: int = 3
    most_ties: int = 40
    history_days: int = 2 * 365
    fewest_invoices: int = 4
    least_surprise: float = 3.0
    most_pairs: int = 200_000
    most_findings: int = 20_000


@dataclass(frozen=True)
class _Related:
    """Pairs that stand out and are near: ``pair`` int64 positions, the way between, ``strength`` in nats."""

    pair: Int64
    way: Paths
    strength: Floats

    def walk(self, position: int, pairs: PairTrade) -> list[int]:
        """From the seller over those between to the buyer."""
        between = (int(self.way.first[position]), int(self.way.second[position]))
        at = int(self.pair[position])
        return [int(pairs.seller[at]), *(c for c in between if c != NOBODY), int(pairs.buyer[at])]


def _related(snapshot: Snapshot, pairs: PairTrade, kin: Kinship, settings: RelatedTradeSettings) -> _Related:
    """Pairs whose trade stands out, not of one declared group, at most ``steps`` apart."""
    group = declared_groups(snapshot)
    apart = group[pairs.seller] != group[pairs.buyer]
    enough = (pairs.count >= settings.fewest_invoices) & (pairs.surprise >= settings.least_surprise)
    asked = np.flatnonzero(apart & enough)
    asked = np.sort(asked[np.argsort(-pairs.surprise[asked], kind="stable")[: settings.most_pairs]])
    way = kin.paths(pairs.seller[asked], pairs.buyer[asked], settings.steps).best()
    found = asked[way.pair]
    strength = pairs.surprise[found] - way.discount
    kept = strength > 0
    return _Related(found[kept], way.only(kept), strength[kept])


def _together(walks: list[list[int]], n: int) -> Int32:
    """Number of the set that each walk belongs to: walks that share a party belong together."""
    walk = np.repeat(np.arange(len(walks)), [len(one) for one in walks])
    party = np.array([code for one in walks for code in one], np.int64)
    return components(walk, len(walks) + party, len(walks) + n)[: len(walks)]


def _roles(walks: list[list[int]], kinds: list[str]) -> tuple[Member, ...]:
    """Sellers, buyers, who is both, and those between, by what they are."""
    sellers, buyers = {walk[0] for walk in walks}, {walk[-1] for walk in walks}
    between = {code for walk in walks for code in walk[1:-1]} - sellers - buyers
    named = {code: role_between(kinds[code]) for code in between}
    named |= dict.fromkeys(sellers, "seller") | dict.fromkeys(buyers, "buyer")
    named |= dict.fromkeys(sellers & buyers, "trader")
    return tuple(Member(code, role) for code, role in sorted(named.items()))


@dataclass(frozen=True)
class _Trade:
    """What findings are written from. ``order``: int64 [flows], invoices by pair."""

    snapshot: Snapshot
    flows: Flows
    pairs: PairTrade
    kin: Kinship
    kinds: list[str]
    order: Int64
    starts: Int64

    def invoices(self, pairs: Int64) -> Flows:
        """Invoices of some pairs."""
        return self.flows.only(self.order[ranges(self.starts[pairs], self.starts[pairs + 1])[1]])


def _finding(trade: _Trade, found: _Related, chosen: Int64) -> Finding:
    walks = [found.walk(position, trade.pairs) for position in chosen.tolist()]
    at = found.pair[chosen]
    invoices, pairs = trade.invoices(at), trade.pairs
    links = sorted({row for walk in walks for row in trade.kin.rows_between(walk)})
    return Finding(
        typology=CODE,
        members=_roles(walks, trade.kinds),
        first_on=int(invoices.day.min()),
        last_on=int(invoices.day.max()),
        amount=int(invoices.amount.sum()),
        strength=float(found.strength[chosen].sum()),
        evidence=(
            *evidence_rows(trade.snapshot, "invoices", np.sort(invoices.largest(MOST_EVIDENCE).row)),
            *evidence_rows(trade.snapshot, "links", links),
        ),
        facts={
            "invoices": len(invoices),
            "share": round(float(pairs.share[at].max()), 4),
            "round": int(pairs.round[at].sum()),
            "month_end": int(pairs.late[at].sum()),
            "ties": trade.kin.kinds_of(links),
        },
    )


def detect(snapshot: Snapshot, settings: RelatedTradeSettings) -> Detection:
    """Related sellers and buyers whose trade stands out, those that share a party together."""
    from_day = day_number(snapshot.as_of) - settings.history_days
    flows = invoice_flows(snapshot)
    flows = flows.only(flows.day >= from_day)
    if not len(flows):
        return Detection(())
    kin, cuts = kinship_of(snapshot, settings.most_ties, from_day)
    pairs = pair_trade(flows, settings.fewest_invoices)
    found = _related(snapshot, pairs, kin, settings)
    if not len(found.pair):
        return Detection((), cuts)
    walks = [found.walk(position, pairs) for position in range(len(found.pair))]
    label = _together(walks, snapshot.n_parties)
    order = np.argsort(label, kind="stable")
    sets = np.split(order, np.flatnonzero(np.diff(label[order])) + 1)
    sets.sort(key=lambda one: -float(found.strength[one].sum()))
    cuts += wording.only_strongest(settings.most_findings, len(sets), "sets of related parties")
    by_pair = np.argsort(pairs.of_flow, kind="stable")
    kinds = snapshot.tables["parties"]["kind"].to_pylist()
    trade = _Trade(snapshot, flows, pairs, kin, kinds, by_pair, bounds(pairs.count))
    return Detection(tuple(_finding(trade, found, one) for one in sets[: settings.most_findings]), cuts)


def shuffle(snapshot: Snapshot, random: np.random.Generator) -> Snapshot:
    """Companies change places in the ties and stay where they are in trade, with others of their region that
    have about as many ties (the quadratic assignment procedure of Krackhardt 1988): both networks stay as
    they are, and only who is both near and a partner is chance."""
    ties = ties_of(snapshot, KIN_KINDS)
    degree = np.bincount(np.concatenate([ties.source, ties.target]), minlength=snapshot.n_parties)
    return relabelled(
        snapshot, peers(snapshot, "region", np.searchsorted([1, 2, 4, 8], degree, "right")), random
    )


def explain(finding: Finding, naming: Naming, currency: str) -> str:
    """What the records show, in one paragraph."""
    trading = {member.code for member in finding.members if member.role in ("seller", "buyer", "trader")}
    traders = [naming(member.code) for member in finding.members if member.code in trading]
    between = [naming(member.code) for member in finding.members if member.code not in trading]
    facts = finding.facts
    ties = joined_by(str(facts["ties"]), between)
    clues = [f"up to {wording.share(float(facts['share']))} of each one's sales or purchases"]
    if facts["round"]:
        clues.append(f"{facts['round']} with round amounts")
    if facts["month_end"]:
        clues.append(f"{facts['month_end']} in the last days of a month")
    return (
        f"The records show {wording.counted(int(facts['invoices']), 'invoice')} of "
        f"{wording.money(finding.amount, currency)} between {wording.listing(traders)} "
        f"{wording.span(finding.first_on, finding.last_on)}: {wording.listing(clues)}, more than their other "
        f"trade has. They are joined by {ties}; no ownership of one by the other is on record. Related "
        "firms may trade with each other; what is missing is that they say so."
    )


TYPOLOGY = Typology(
    code=CODE,
    title="Hidden related-party trade",
    definition=(
        "A seller and a buyer that share an owner, controller, representative, address, phone, account or "
        "device within three ties, belong to no declared group, and trade with each other unlike with others."
    ),
    published=(
        "Related parties in auditing and accounting (ISA 550, IAS 24): undisclosed parties, dominant people, "
        "terms and timing out of the ordinary."
    ),
    false_friends=(
        "A business centre or franchise address; an agent who represents hundreds of firms; a declared "
        "group; persons with several firms that trade a little with each other."
    ),
    tables=("invoices", "links"),
    settings=RelatedTradeSettings(),
    detect=detect,
    shuffle=shuffle,
    explain=explain,
)
