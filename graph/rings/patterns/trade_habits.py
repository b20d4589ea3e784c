"""How each seller trades with each buyer, and how much that differs from their other trade.

Three clues, each the chance of a clue as strong among this data's own trade, are put together as in Fisher's
method (Fisher 1925): the pair's share of both sides' trade, round amounts, days at the ends of months.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from graph.rings.arrays import Flags, Floats, Int32, Int64
from graph.rings.columns.flows import Flows
from graph.rings.patterns.surprise import LEAST_TAIL, binomial_surprise

#: One clue may not tell more than this, in nats: a habit of billing is no proof.
MOST_OF_A_CLUE = 12.0
#: A seller's own share of round amounts or month ends is believed like that many further invoices of all.
PRIOR_INVOICES = 5.0
LAST_DAYS_OF_MONTH = 3


@dataclass(frozen=True)
class PairTrade:
    """Sellers and buyers with their trade: arrays [p], ``of_flow`` int64 [flows] the pair of each invoice.

    ``share``: the smaller of the pair's shares in the seller's sales and the buyer's purchases; ``round``
    and ``late``: invoices with round amounts and at the end of a month; ``surprise`` in nats.
    """

    seller: Int32
    buyer: Int32
    count: Int64
    amount: Int64
    share: Floats
    round: Int64
    late: Int64
    surprise: Floats
    of_flow: Int64


def is_round(amount: Int64) -> Flags:
    """Which amounts have at most two digits before their zeros, in any unit."""
    digits = np.floor(np.log10(np.maximum(amount, 1))).astype(np.int64) + 1
    return np.asarray(amount % 10 ** np.maximum(digits - 2, 0) == 0)


def _at_month_end(day: Int32) -> Flags:
    months = day.astype("datetime64[D]").astype("datetime64[M]")
    first_of_next = (months + 1).astype("datetime64[D]").astype(np.int64)
    return np.asarray(first_of_next - day <= LAST_DAYS_OF_MONTH)


def _more_than_usual(clue: Flags, seller: Int64, pair: Int64) -> Floats:
    """Surprise of a pair's invoices with a clue, given the seller's other invoices; float64 [pairs].

    ``seller``, ``pair``: int64 [flows], the seller's and the pair's number of each invoice.
    """
    count, with_clue = np.bincount(pair), np.bincount(pair, clue)
    of_pair = np.zeros(len(count), np.int64)
    of_pair[pair] = seller
    others = np.bincount(seller)[of_pair] - count
    others_with = np.bincount(seller, clue)[of_pair] - with_clue
    usual = (others_with + PRIOR_INVOICES * clue.mean()) / (others + PRIOR_INVOICES)
    return np.minimum(binomial_surprise(with_clue, count, usual), MOST_OF_A_CLUE)


def _rank(share: Floats, counted: Flags) -> Floats:
    """Surprise of a share as large, among the pairs that are counted; float64 [pairs]."""
    ordered = np.sort(share[counted])
    above = len(ordered) - np.searchsorted(ordered, share, side="left")
    return np.asarray(-np.log(np.maximum(above, 1) / max(len(ordered), 1)))


def pair_trade(flows: Flows, fewest: int) -> PairTrade:
    """Each seller's trade with each buyer; shares are ranked among pairs of at least ``fewest`` invoices."""
    key = flows.source.astype(np.int64) << 32 | flows.target
    pair_key, pair = np.unique(key, return_inverse=True)
    seller, buyer = (pair_key >> 32).astype(np.int32), (pair_key & 0xFFFFFFFF).astype(np.int32)
    # Sums of amounts are whole numbers below 2**53 here or rounded alike everywhere: shares are ranked.
    amount = np.bincount(pair, flows.amount)
    share = np.minimum(
        amount / np.bincount(flows.source, flows.amount)[seller],
        amount / np.bincount(flows.target, flows.amount)[buyer],
    )
    count, seller_of = np.bincount(pair), flows.source.astype(np.int64)
    clues = is_round(flows.amount), _at_month_end(flows.day)
    told = sum(_more_than_usual(clue, seller_of, pair) for clue in clues)
    told = told + _rank(share, count >= fewest)
    surprise = -np.log(np.maximum(special.gammaincc(3.0, told), LEAST_TAIL))
    round_, late = (np.bincount(pair, clue).astype(np.int64) for clue in clues)
    return PairTrade(seller, buyer, count, amount.astype(np.int64), share, round_, late, surprise, pair)
