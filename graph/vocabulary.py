"""The words that are shared by every source: kinds, roles, statuses.

A source may declare further link and event kinds in its mapping (``KindDeclaration``).
"""

from __future__ import annotations

from dataclasses import dataclass

PARTY_KINDS = ("company", "person", "account", "address", "device", "site", "programme")
ROLES = ("merchant", "buyer", "supplier", "carrier", "financier", "guarantor", "agent")
SIZE_BANDS = ("micro", "small", "medium", "large")
INVOICE_STATUSES = ("open", "paid", "void", "credit_note")


@dataclass(frozen=True)
class KindDeclaration:
    """What a link or event kind means in the graph.

    ``relation``: rows of this kind join two parties (always so for links; for events only where declared).
    ``symmetric``: the relation reads the same from both ends (a shared address).
    ``adverse``: an event of this kind is bad news by itself.
    ``adverse_statuses``: an event of this kind is bad news when its status is one of these, and good news
    when its status is any other non-null one.
    ``out_text`` / ``in_text``: what a party's counterparties over this relation are called, read from its
    source end and from its target end (``SUPPLIES``: "buyers" / "suppliers").
    """

    name: str
    out_text: str = "counterparties"
    in_text: str = "counterparties"
    relation: bool = True
    symmetric: bool = False
    adverse: bool = False
    adverse_statuses: tuple[str, ...] = ()


def _kind(name: str, out_text: str, in_text: str, *, symmetric: bool = False) -> tuple[str, KindDeclaration]:
    return name, KindDeclaration(name, out_text, in_text, symmetric=symmetric)


#: Kinds of ``links`` rows, and of the relations that flows between parties make.
LINK_KINDS: dict[str, KindDeclaration] = dict(
    [
        _kind("OWNS", "firms it owns", "owners"),
        _kind("CONTROLS", "firms it controls", "controllers"),
        _kind("LEGAL_REP_OF", "firms it represents", "legal representatives"),
        _kind("GUARANTEES", "firms it guarantees", "guarantors"),
        _kind("BRANCH_OF", "head offices", "branches"),
        _kind("LENDS_TO", "borrowers", "lenders"),
        _kind("SHARES_ADDRESS", "firms at its address", "firms at its address", symmetric=True),
        _kind("SHARES_PHONE", "firms with its phone", "firms with its phone", symmetric=True),
        _kind("SHARES_ACCOUNT", "firms on its account", "firms on its account", symmetric=True),
        _kind("SHARES_DEVICE", "firms on its device", "firms on its device", symmetric=True),
        _kind("SUPPLIES", "buyers", "suppliers"),
        _kind("SHIPS_FOR", "firms it carries for", "carriers"),
        _kind("SHIPS_TO", "consignees", "shippers"),
        _kind("PAYS", "payees", "payers"),
        _kind("FINANCES", "firms it finances", "financiers"),
    ]
)

#: Kinds of ``events`` rows that every source may use.
EVENT_KINDS: dict[str, KindDeclaration] = {
    name: KindDeclaration(name, relation=False, adverse=True)
    for name in ("complaint", "dispute", "return", "bad_review", "lawsuit", "sanction")
} | {
    "review": KindDeclaration("review", relation=False),
    "application": KindDeclaration(
        "application",
        "agents it files through",
        "clients it files for",
        adverse_statuses=("denied", "rejected"),
    ),
}

OUTCOME_KINDS = (
    "default", "bankruptcy", "fraud", "exit", "late", "denied", "ban", "debarment", "dormancy",
)  # fmt: skip

#: Targets that need no outcomes on record: a task may ask for them as for a kind of outcome.
BUILT_IN_TARGETS = ("late_30", "late_90", "dilution", "dormant")


def whose(counterparties: str) -> str:
    """Counterparties in a sentence about a party: "its buyers", but "firms it owns"."""
    return counterparties if {"it", "its"} & set(counterparties.split()) else f"its {counterparties}"
