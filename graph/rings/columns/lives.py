"""When firms began and failed, and with whom they traded: relations of sellers and buyers with their days."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graph.rings.arrays import Flags, Int32, Int64
from graph.rings.columns.flows import Flows
from graph.rings.columns.rows import days, matches
from graph.rings.columns.ties import companies
from graph.snapshot import Snapshot

#: Outcomes after which a firm is gone, where it is.
FAILED_KINDS = ("bankruptcy", "default", "exit", "ban", "debarment")
#: It is gone where it trades no more than this share of its invoices later than so many days after.
LIVES_ON_SHARE, GRACE_DAYS = 0.1, 60
#: Without an outcome: regular trade that stopped so long before the last invoice of all.
REGULAR_INVOICES, SILENT_DAYS = 10, 180
#: Firms seen trading so soon after the first invoice of all may be old.
FIRST_DAYS = 180


@dataclass(frozen=True)
class Lives:
    """By party, int32 [n]: ``failed_on`` (-1: it did not; ``declared``: an outcome says so), ``begun_on``
    the first invoice of a firm that may be new (-1: it may not), ``registered_on`` (unknown: the same)."""

    failed_on: Int32
    declared: Flags
    begun_on: Int32
    registered_on: Int32


@dataclass(frozen=True)
class Partners:
    """r relations of ``n`` firms with their buyers and suppliers, ascending by firm, then partner.

    ``firm`` int32; ``partner`` int64: twice the partner's code, and 1 more where it is a supplier;
    ``first_on`` / ``last_on`` int32; ``amount`` int64.
    """

    n: int
    firm: Int32
    partner: Int64
    first_on: Int32
    last_on: Int32
    amount: Int64

    def rows_of(self, firms: Int32) -> tuple[Int64, Int64]:
        """(position in ``firms``, relation) of every relation of ``firms``."""
        return matches(firms, self.firm)

    def find(self, firm: Int32, partner: Int64) -> Int64:
        """Relation of each firm with each partner, -1 where there is none."""
        held = self.firm.astype(np.int64) * 2 * self.n + self.partner
        wanted = firm.astype(np.int64) * 2 * self.n + partner
        place = np.minimum(np.searchsorted(held, wanted), max(len(held) - 1, 0))
        return np.where(held[place] == wanted, place, -1)


def partners_of(flows: Flows, n: int) -> Partners:
    """Relations behind invoices among n parties."""
    source, target = flows.source.astype(np.int64), flows.target.astype(np.int64)
    key = np.concatenate([source * 2 * n + 2 * target, target * 2 * n + 2 * source + 1])
    order = np.argsort(key, kind="stable")
    day, amount = np.tile(flows.day, 2)[order], np.tile(flows.amount, 2)[order]
    held, starts = np.unique(key[order], return_index=True)
    return Partners(
        n=n,
        firm=(held // (2 * n)).astype(np.int32),
        partner=held % (2 * n),
        first_on=np.minimum.reduceat(day, starts),
        last_on=np.maximum.reduceat(day, starts),
        amount=np.add.reduceat(amount, starts),
    )


def _declared_failures(snapshot: Snapshot) -> Int32:
    """Day of the first outcome of ``FAILED_KINDS``; int32 [n], -1 where there is none."""
    failed = np.full(snapshot.n_parties, -1, np.int32)
    outcomes = snapshot.tables.get("outcomes")
    if outcomes is None:
        return failed
    struck = outcomes.filter(
        pc.and_(pc.is_in(outcomes["kind"], pa.array(FAILED_KINDS)), pc.equal(outcomes["value"], 1))
    )
    code, on = struck["party_code"].to_numpy(), days(struck["occurred_on"])
    order = np.argsort(-on, kind="stable")
    failed[code[order]] = on[order]
    return failed


def lives_of(snapshot: Snapshot, flows: Flows) -> Lives:
    """Lives of the companies as outcomes and invoices tell them. ``flows``: at least one."""
    n = snapshot.n_parties
    party = np.concatenate([flows.source, flows.target])
    day = np.tile(flows.day, 2)
    count = np.bincount(party, minlength=n)
    first, last = np.full(n, np.iinfo(np.int32).max), np.full(n, -1)
    np.minimum.at(first, party, day)
    np.maximum.at(last, party, day)
    outcome = _declared_failures(snapshot)
    later = np.bincount(party, day > outcome[party] + GRACE_DAYS, minlength=n)
    declared = (outcome >= 0) & (later <= LIVES_ON_SHARE * count)
    stopped = (count >= REGULAR_INVOICES) & (last <= flows.day.max() - SILENT_DAYS)
    company = companies(snapshot)
    failed = np.where(declared, outcome, np.where(stopped, last, -1))
    registered = days(snapshot.tables["parties"]["registered_on"])
    first_of_all = int(flows.day.min())
    may_be_new = np.where(registered >= 0, registered >= first_of_all, first >= first_of_all + FIRST_DAYS)
    begun = np.where(company & (count > 0) & may_be_new, first, -1).astype(np.int32)
    return Lives(
        failed_on=np.where(company, failed, -1).astype(np.int32),
        declared=declared,
        begun_on=begun,
        registered_on=np.where(registered >= 0, registered, begun).astype(np.int32),
    )
