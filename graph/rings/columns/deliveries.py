"""Whether goods of an invoice moved: what shipments say of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from graph.rings.arrays import Flags, Int32, Int64
from graph.rings.columns.rows import days, positions
from graph.snapshot import Snapshot

#: What is known of an invoice's goods, best first.
ARRIVED, IMPOSSIBLE, UNDER_WAY, NOTHING = range(4)
#: Values are compared in bins of two per cent, one bin to either side.
BIN = np.log(1.02)
BINS, SPAN = 1 << 12, 1 << 16


@dataclass(frozen=True)
class Plausibility:
    """``fastest_days``: the shortest time from dispatch to delivery by mode; 0 where a mode is not named.
    ``days_before`` / ``days_after``: so long before and after an invoice goods may be dispatched.
    """

    fastest_days: Mapping[str, int] = field(default_factory=lambda: {"sea": 2, "rail": 1})
    days_before: int = 60
    days_after: int = 120


@dataclass(frozen=True)
class _Shipments:
    """Shipments as columns; ``whole``: delivered, and not faster than the mode allows."""

    invoice: Int64
    unnamed: Flags
    shipper: Int64
    consignee: Int64
    dispatched_on: Int32
    delivered: Flags
    whole: Flags
    value: Int64


def _shipments(snapshot: Snapshot, plausibility: Plausibility) -> _Shipments:
    rows = snapshot.tables["shipments"]
    dispatched, delivered = days(rows["dispatched_on"]), days(rows["delivered_on"])
    modes = rows["mode"].combine_chunks().dictionary_encode()
    least = np.array([plausibility.fastest_days.get(mode, 0) for mode in modes.dictionary.to_pylist()] + [0])
    mode = modes.indices.fill_null(len(least) - 1).to_numpy()
    arrived = delivered >= 0
    return _Shipments(
        invoice=positions(rows["invoice_id"], snapshot.tables["invoices"]["invoice_id"]),
        unnamed=rows["invoice_id"].is_null().to_numpy(),
        shipper=rows["shipper_code"].to_numpy().astype(np.int64),
        consignee=rows["consignee_code"].to_numpy().astype(np.int64),
        dispatched_on=dispatched,
        delivered=arrived,
        whole=arrived & ((dispatched < 0) | (delivered - dispatched >= least[mode])),
        value=rows["value"].fill_null(0).to_numpy(),
    )


def _bins(amount: Int64) -> Int64:
    return np.asarray(np.log(np.maximum(amount, 1)) / BIN, np.int64)


def _arrived_unnamed(
    shipments: _Shipments, buyer: Int64, amount: Int64, issued_on: Int64, plausibility: Plausibility
) -> Flags:
    """Invoices for which a delivery that names no invoice fits in consignee, value and time."""
    usable = shipments.unnamed & shipments.whole & (shipments.dispatched_on >= 0)

    def key(party: Int64, value_bin: Int64, day: Int64) -> Int64:
        return np.asarray((party * BINS + value_bin) * SPAN + day, np.int64)

    value, sent = _bins(shipments.value[usable]), shipments.dispatched_on[usable].astype(np.int64)
    offered = np.sort(key(shipments.consignee[usable], value, sent))
    found = np.zeros(len(buyer), np.bool_)
    for step in (-1, 0, 1):
        value = _bins(amount) + step
        first = key(buyer, value, np.maximum(issued_on - plausibility.days_before, 0))
        last = key(buyer, value, issued_on + plausibility.days_after)
        found |= np.searchsorted(offered, first) < np.searchsorted(offered, last, side="right")
    return found


def arrivals(snapshot: Snapshot, plausibility: Plausibility) -> NDArray[np.int8]:
    """``ARRIVED`` … ``NOTHING`` of each invoice, by position; int8.

    A shipment counts that names the invoice and agrees with it in shipper or consignee (others ship in the
    seller's place, or to another place of the buyer's); or, where it names none, one to the buyer of about
    the invoice's value at about its time.
    """
    invoices, shipments = snapshot.tables["invoices"], _shipments(snapshot, plausibility)
    state = np.full(invoices.num_rows, NOTHING, np.int8)
    seller, buyer = (invoices[name].to_numpy().astype(np.int64) for name in ("seller_code", "buyer_code"))
    issued_on = days(invoices["issued_on"]).astype(np.int64)
    named = np.flatnonzero(shipments.invoice >= 0)
    of = shipments.invoice[named]
    named = named[(shipments.shipper[named] == seller[of]) | (shipments.consignee[named] == buyer[of])]
    of = shipments.invoice[named]
    apart = shipments.dispatched_on[named] - issued_on[of]
    fits = (apart >= -plausibility.days_before) & (apart <= plausibility.days_after)
    fits = shipments.whole[named] & (fits | (shipments.dispatched_on[named] < 0))
    said = np.where(fits, ARRIVED, np.where(shipments.delivered[named], IMPOSSIBLE, UNDER_WAY))
    np.minimum.at(state, of, said.astype(np.int8))
    open_ = np.flatnonzero(state != ARRIVED)
    if shipments.unnamed.any():
        amount = invoices["amount"].to_numpy()[open_]
        arrived = _arrived_unnamed(shipments, buyer[open_], amount, issued_on[open_], plausibility)
        state[open_[arrived]] = ARRIVED
    return state


def own_trail(snapshot: Snapshot, invoice: Int64) -> Flags:
    """Whether each of the invoices (positions) was delivered or paid by itself."""
    invoices = snapshot.tables["invoices"]
    ids = invoices["invoice_id"].take(invoice)
    done = ~invoices["paid_on"].take(invoice).is_null().to_numpy()
    if "shipments" in snapshot.tables:
        shipments = snapshot.tables["shipments"]
        named = positions(shipments["invoice_id"], ids)
        delivered = ~shipments["delivered_on"].is_null().to_numpy() & (named >= 0)
        done[named[delivered]] = True
    if "payments" in snapshot.tables:
        named = positions(snapshot.tables["payments"]["invoice_id"], ids)
        done[named[named >= 0]] = True
    return np.asarray(done)
