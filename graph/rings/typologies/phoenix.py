"""Phoenix firms: a new firm takes over counterparties and people, or the address, of one that failed.

Definition: a firm failed (an outcome such as bankruptcy, after which it hardly trades; or regular trade that
stopped), another began around that day, both are at most ``steps`` standing ties apart and over no third
company, and of the buyers and suppliers that the first had in its last year the second has more than firms
of its industry have.

Published: phoenix activity as tax and insolvency authorities define it (a business carried on by a new
company with the same people after the old one was left to fail; Anderson et al. 2015, "Defining and
profiling phoenix activity", University of Melbourne). Surprise: a binomial test of the buyers and suppliers
taken over, with the share of the industry's relations that lead to them.

False friends: an entrant of the same niche that wins customers of a failed firm (no tie to it: not looked
at); a declared successor, merged or owned (left out); a spin-off, whose old firm lives on (it has not
failed); persons with many firms, of which one fails and one begins by chance (measured on shuffles).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa

from graph.rings import wording
from graph.rings.arrays import Floats, Int32, Int64
from graph.rings.columns.flows import Flows, invoice_flows
from graph.rings.columns.kinship import NOBODY, Kinship, Paths, joined_by, kinship_of, role_between
from graph.rings.columns.lives import Lives, Partners, lives_of, partners_of
from graph.rings.columns.rows import days, evidence_rows, text_codes
from graph.rings.columns.shuffles import peers, relabelled
from graph.rings.columns.ties import declared_groups
from graph.rings.finding import Detection, EvidenceRow, Finding, Member
from graph.rings.patterns.takeovers import Niches, Span, Takeovers, takeovers_of
from graph.rings.typology import Naming, Typology
from graph.snapshot import Snapshot

CODE = "phoenix"
#: Invoices of the new firm that are named as evidence: the first with each counterparty taken over.
MOST_EVIDENCE = 40
#: New firms count as of the same age where they began in the same so many days.
AGE_DAYS = 182


@dataclass(frozen=True)
class PhoenixSettings:
    """``steps``: ties between the two at most. ``most_ties``: a party with more is not walked through.
    ``begun_before_days`` / ``begun_after_days``: the new firm's first trade, from the failure.
    ``last_days``: counterparties of the old firm's last days, and of the new firm's first, are compared.
    ``fewest_taken``: counterparties taken over."""

    steps: int = 3
    most_ties: int = 40
    begun_before_days: int = 120
    begun_after_days: int = 365
    last_days: int = 365
    fewest_taken: int = 2
    most_findings: int = 20_000


def _candidates(
    snapshot: Snapshot, lives: Lives, kin: Kinship, settings: PhoenixSettings
) -> tuple[Int32, Int32]:
    """(old, new) firms near each other, of no one group, the new one begun around the old one's failure."""
    failed = np.flatnonzero(lives.failed_on >= 0).astype(np.int32)
    position, other = kin.around(failed, settings.steps)
    old = failed[position]
    after = lives.begun_on[other] - lives.failed_on[old]
    young = lives.registered_on[other] >= lives.failed_on[old] - settings.last_days
    new = young & (lives.begun_on[other] >= 0)
    group = declared_groups(snapshot)
    fits = new & (after >= -settings.begun_before_days) & (after <= settings.begun_after_days)
    fits &= group[old] != group[other]
    return old[fits], other[fits]


def _best(found: Takeovers, kin: Kinship, settings: PhoenixSettings) -> tuple[Int64, Paths, Floats]:
    """(position, way, strength) of the most striking takeover of each new firm, the strongest first."""
    enough = np.flatnonzero(found.taken >= settings.fewest_taken)
    way = kin.paths(found.old[enough], found.new[enough], settings.steps).best()
    position = enough[way.pair]
    strength = found.surprise[position] - way.discount
    order = np.lexsort((found.old[position], -strength, found.new[position]))
    order = order[np.unique(found.new[position][order], return_index=True)[1]]
    order = order[strength[order] > 0]
    order = order[np.argsort(-strength[order], kind="stable")]
    return position[order], way.only(order), strength[order]


@dataclass(frozen=True)
class _Evidence:
    """What findings are written from."""

    snapshot: Snapshot
    flows: Flows
    partners: Partners
    lives: Lives
    kin: Kinship
    found: Takeovers

    @cached_property
    def _outcomes(self) -> dict[tuple[int, int], list[int]]:
        """Rows of the outcomes by party and day."""
        outcomes = self.snapshot.tables["outcomes"]
        found: dict[tuple[int, int], list[int]] = defaultdict(list)
        told = (outcomes["party_code"].to_pylist(), days(outcomes["occurred_on"]).tolist())
        for row, party_and_day in enumerate(zip(*told, strict=True)):
            found[party_and_day].append(row)
        return found

    def outcomes(self, old: int) -> tuple[EvidenceRow, ...]:
        """Outcomes of the old firm on the day it failed."""
        if not self.lives.declared[old]:
            return ()
        return evidence_rows(self.snapshot, "outcomes", self._outcomes[old, int(self.lives.failed_on[old])])

    def first_invoices(self, new: int, relations: Int64) -> Int64:
        """Row of the new firm's first invoice with each counterparty taken over."""
        rows: list[int] = []
        for relation in relations.tolist()[:MOST_EVIDENCE]:
            partner, supplies = divmod(int(self.partners.partner[relation]), 2)
            ends = (partner, new) if supplies else (new, partner)
            day = self.partners.first_on[relation]
            low, high = np.searchsorted(self.flows.day, [day, day + 1])
            here = (self.flows.source[low:high] == ends[0]) & (self.flows.target[low:high] == ends[1])
            rows.append(int(self.flows.row[low:high][here].min()))
        return np.unique(np.array(rows, np.int64))


def _finding(known: _Evidence, position: int, between: list[int], strength: float) -> Finding:
    snapshot, found, lives = known.snapshot, known.found, known.lives
    old, new = int(found.old[position]), int(found.new[position])
    low, high = np.searchsorted(found.relations[0], [position, position + 1])
    relations = found.relations[1][low:high]
    links = known.kin.rows_between([old, *between, new])
    kinds = snapshot.tables["parties"]["kind"].take(pa.array(between, pa.int64())).to_pylist()
    roles = [(old, "predecessor"), (new, "successor"), *zip(between, map(role_between, kinds), strict=True)]
    return Finding(
        typology=CODE,
        members=tuple(Member(code, role) for code, role in sorted(roles)),
        first_on=int(min(lives.failed_on[old], lives.begun_on[new])),
        last_on=int(known.partners.last_on[relations].max()),
        amount=int(known.partners.amount[relations].sum()),
        strength=strength,
        evidence=(
            *known.outcomes(old),
            *evidence_rows(snapshot, "invoices", known.first_invoices(new, relations)),
            *evidence_rows(snapshot, "links", links),
        ),
        facts={
            "taken": int(found.taken[position]),
            "had": int(found.had[position]),
            "has": int(found.has[position]),
            "failed_on": int(lives.failed_on[old]),
            "declared": int(lives.declared[old]),
            "begun_on": int(lives.begun_on[new]),
            "ties": known.kin.kinds_of(links),
        },
    )


def detect(snapshot: Snapshot, settings: PhoenixSettings) -> Detection:
    """New firms that took over counterparties of a failed one near them, each with its likeliest one."""
    flows = invoice_flows(snapshot)
    if not len(flows):
        return Detection(())
    lives, partners = lives_of(snapshot, flows), partners_of(flows, snapshot.n_parties)
    kin, cuts = kinship_of(snapshot, settings.most_ties, 0)
    pairs = _candidates(snapshot, lives, kin, settings)
    niches = Niches.of(partners, text_codes(snapshot.tables["parties"]["industry"]) + 1)
    span = Span(settings.last_days, settings.begun_before_days)
    found = takeovers_of(pairs, partners, lives, niches, span)
    position, way, strength = _best(found, kin, settings)
    cuts += wording.only_strongest(settings.most_findings, len(position), "new firms")
    known = _Evidence(snapshot, flows, partners, lives, kin, found)
    between = np.stack([way.first, way.second], axis=1)
    told = range(min(len(position), settings.most_findings))
    return Detection(
        tuple(
            _finding(known, int(position[k]), between[k][between[k] != NOBODY].tolist(), float(strength[k]))
            for k in told
        ),
        cuts,
    )


def shuffle(snapshot: Snapshot, random: np.random.Generator) -> Snapshot:
    """Companies change places in the ties and stay where they are in trade: failed ones with failed ones, new
    ones with new ones of about the same age, all others among themselves, within an industry."""
    flows = invoice_flows(snapshot)
    if not len(flows):
        return snapshot
    lives = lives_of(snapshot, flows)
    age = (lives.begun_on - int(flows.day.min())) // AGE_DAYS
    level = np.where(lives.begun_on >= 0, 2 + 2 * np.maximum(age, 0), 0) + (lives.failed_on >= 0)
    return relabelled(snapshot, peers(snapshot, "industry", level), random)


def explain(finding: Finding, naming: Naming, currency: str) -> str:
    """What the records show, in one paragraph."""
    facts, named = finding.facts, {m.role: naming(m.code) for m in finding.members}
    between = [naming(m.code) for m in finding.members if m.role not in ("predecessor", "successor")]
    end = "is recorded as failed" if facts["declared"] else "traded for the last time"
    first_on, failed_on = (wording.day(int(facts[name])) for name in ("begun_on", "failed_on"))
    ties = joined_by(str(facts["ties"]), between)
    had = wording.counted(int(facts["had"]), "counterparty", "counterparties")
    return (
        f"The records show that {named['predecessor']} {end} on {failed_on}, and that {named['successor']}, "
        f"whose first invoice is of {first_on}, trades with {facts['taken']} of the {had} of its last year: "
        f"{wording.money(finding.amount, currency)}, with {facts['taken']} of the new firm's first "
        f"{facts['has']} counterparties. The two are joined by {ties}; no merger or ownership between "
        "them is on record. A business may be carried on openly and fairly; creditors of the old firm will "
        "want to know on what terms."
    )


TYPOLOGY = Typology(
    code=CODE,
    title="Phoenix firms",
    definition=(
        "A firm that begins as another fails, shares people, address, phone, account or device with it, and "
        "has more of its counterparties than others of the industry have."
    ),
    published=(
        "Phoenix activity as tax and insolvency authorities describe it (Anderson et al. 2015, Defining and "
        "profiling phoenix activity)."
    ),
    false_friends=(
        "An entrant of the same niche that wins customers of a failed firm; a declared successor after a "
        "merger; a spin-off whose old firm lives on."
    ),
    tables=("invoices", "links"),
    settings=PhoenixSettings(),
    detect=detect,
    shuffle=shuffle,
    explain=explain,
)
