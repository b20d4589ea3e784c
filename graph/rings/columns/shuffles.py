"""The same data with what a pattern rests on permuted, so that chance can be measured.

Relations and sha of a shuffled snapshot are left as they were: it is for detectors alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pyarrow as pa

from graph.asof import code_column
from graph.rings.arrays import Int64, Ints
from graph.rings.columns.financings import financed_invoices
from graph.rings.columns.pairs import grouped
from graph.rings.columns.rows import days, positions, standing, text_codes
from graph.rings.columns.ties import companies, of_kinds
from graph.snapshot import Snapshot

#: Rows are shuffled among those of the same so many days: seasons and bursts stay where they are.
SHUFFLE_DAYS = 30
#: Parties change places with so many others at least, or with those of other regions too.
FEWEST_PEERS = 30


def _replaced(snapshot: Snapshot, table: str, columns: Mapping[str, pa.Array | pa.ChunkedArray]) -> Snapshot:
    """The snapshot with other values in some columns of a table."""
    rows = snapshot.tables[table]
    for name, values in columns.items():
        rows = rows.set_column(rows.schema.get_field_index(name), name, values)
    return replace(snapshot, tables={**snapshot.tables, table: rows})


def _spans(day: Ints) -> Int64:
    return day.astype(np.int64) // SHUFFLE_DAYS


def _traded(block: Int64, random: np.random.Generator) -> Int64:
    """For each position another one of the same block, each once; numbers are drawn block by block."""
    order = np.argsort(block, kind="stable")
    # Adding a fraction to the block: within it, positions trade places at random.
    mixed = np.argsort(block[order] + random.random(len(block)))
    taken = np.empty(len(block), np.int64)
    taken[order] = order[mixed]
    return taken


def _traded_or_kept(block: Int64, random: np.random.Generator) -> Int64:
    """The same where positions of a block below 0 stay; numbers are drawn position by position."""
    moving = np.flatnonzero(block >= 0)
    taken = np.arange(len(block))
    order = moving[np.argsort(block[moving], kind="stable")]
    taken[order] = moving[np.lexsort((random.random(len(moving)), block[moving]))]
    return taken


def permuted(snapshot: Snapshot, table: str, party: str, day: str, random: np.random.Generator) -> Snapshot:
    """The snapshot with a party column of ``table`` permuted (names of the contract).

    Every party stays as often as it was, in each span of ``SHUFFLE_DAYS`` of the column ``day``.
    """
    rows, column = snapshot.tables[table], code_column(party)
    places = _traded(_spans(days(rows[day])), random)
    return _replaced(snapshot, table, {column: rows[column].take(pa.array(places))})


def rewired(
    snapshot: Snapshot, table: str, source: str, target: str, day: str, random: np.random.Generator
) -> Snapshot:
    """The snapshot with the targets of whole pairs of ``table`` permuted (names of the contract).

    All rows between two parties stay together and keep their days and amounts; pairs whose first rows lie
    in the same span of ``SHUFFLE_DAYS`` trade targets. So sources keep all of their rows; targets keep the
    number of their counterparties and when they began.
    """
    rows = snapshot.tables[table]
    ends = [rows[code_column(end)].to_numpy() for end in (source, target)]
    order, bounds = grouped(*ends)
    starts = bounds[:-1]
    first = np.minimum.reduceat(days(rows[day])[order], starts) if len(starts) else starts
    drawn = ends[1][order[starts]][_traded(_spans(first), random)]
    found = np.empty(len(order), ends[1].dtype)
    found[order] = np.repeat(drawn, np.diff(bounds))
    return _replaced(snapshot, table, {code_column(target): pa.array(found)})


def retied(snapshot: Snapshot, block: Int64, random: np.random.Generator) -> Snapshot:
    """The snapshot with the targets of links permuted among links of the same ``block``.

    ``block``: int64 [links]; links below 0 stay as they are.
    """
    targets = snapshot.tables["links"]["target_code"]
    return _replaced(
        snapshot, "links", {"target_code": targets.take(pa.array(_traded_or_kept(block, random)))}
    )


def peers(snapshot: Snapshot, column: str, level: Ints) -> Int64:
    """Number of the companies that may change places with each party, int64 [n]; -1: it is no company.

    Those of one value of a text column of ``parties`` and one ``level`` (0 or more); where they are fewer
    than ``FEWEST_PEERS``, those of the level, and where these are, the largest set there is.
    """
    value = text_codes(snapshot.tables["parties"][column]) + 1
    wide = level.astype(np.int64) * (int(value.max(initial=0)) + 2)
    peer = np.where(companies(snapshot), wide + value + 1, -1)
    for wider in (wide, None):
        count = np.bincount(peer[peer >= 0], minlength=int(wide.max(initial=0)) + 1)
        alone = (peer >= 0) & (count[peer] < FEWEST_PEERS)
        peer[alone] = count.argmax() if wider is None else wider[alone]
    return peer


def relabelled(snapshot: Snapshot, peer: Int64, random: np.random.Generator) -> Snapshot:
    """The snapshot with parties of one ``peer`` number (-1: none) in each other's places in every link but
    guarantees; all other tables stay as they are."""
    place, links = _traded_or_kept(peer, random).astype(np.int32), snapshot.tables["links"]
    stays = of_kinds(links, ("GUARANTEES",))

    def moved(column: str) -> pa.Array:
        codes = links[column].to_numpy().astype(np.int32)
        return pa.array(np.where(stays, codes, place[codes]))

    return _replaced(snapshot, "links", {end: moved(end) for end in ("source_code", "target_code")})


def _dealt(wanted: Int64, offered: Int64, random: np.random.Generator) -> Int64:
    """For each of ``wanted`` a position in ``offered`` of the same group, none twice; -1: none is left."""
    shuffled = np.lexsort((random.random(len(offered)), offered))
    asking = np.lexsort((random.random(len(wanted)), wanted))
    groups = wanted[asking]
    rank = np.arange(len(groups)) - np.searchsorted(groups, groups)
    place = np.searchsorted(offered[shuffled], groups) + rank
    fits = place < np.searchsorted(offered[shuffled], groups, side="right")
    dealt = np.full(len(wanted), -1, np.int64)
    dealt[asking[fits]] = shuffled[place[fits]]
    return dealt


def redealt(snapshot: Snapshot, random: np.random.Generator) -> Snapshot:
    """The snapshot with every financing on any invoice of the same days, no invoice financed twice.

    Financiers, days and the share of the invoice that was advanced stay.
    """
    rows, invoices = snapshot.tables["financings"], snapshot.tables["invoices"]
    financed = financed_invoices(snapshot)
    free = np.flatnonzero(standing(invoices))
    span = _spans(days(invoices["issued_on"]))
    taken = np.full(len(financed), -1, np.int64)
    # Where a span runs out of invoices, any day's will do.
    for group in (span, np.zeros_like(span)):
        waiting = np.flatnonzero(taken < 0)
        dealt = _dealt(group[financed.invoice[waiting]], group[free], random)
        taken[waiting[dealt >= 0]] = free[dealt[dealt >= 0]]
        free = np.delete(free, dealt[dealt >= 0])
    # More financings than invoices: the surplus names no invoice.
    named = positions(rows["invoice_id"], invoices["invoice_id"])
    named[financed.row] = taken
    amount = rows["amount"].to_numpy().copy()
    share = financed.amount / financed.invoice_amount
    amount[financed.row] = np.maximum(1, share * invoices["amount"].to_numpy()[taken]).astype(np.int64)
    ids = invoices["invoice_id"].take(pa.array(named, mask=named < 0))
    return _replaced(snapshot, "financings", {"invoice_id": ids, "amount": pa.array(amount)})
