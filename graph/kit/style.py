"""``risk.grass``: Browser's colours. Parties by their band, from blue (safe) to red; rings and cases purple.

Browser knows no conditions, so the band is a label (``:RiskA`` … ``:RiskE``). Of several rules that fit a
node the last one counts, and a label without a rule of its own is given a colour after all of them: so every
label that ecorisk writes has one here, the bands last.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from graph.vocabulary import ROLES

#: Label of a band, its colour, border, and the colour of text on it.
BANDS: Mapping[str, tuple[str, str, str]] = {
    "RiskA": ("#2166AC", "#134A80", "#FFFFFF"),
    "RiskB": ("#92C5DE", "#5A9BBD", "#1A1A1A"),
    "RiskC": ("#F7E1A0", "#CDB262", "#1A1A1A"),
    "RiskD": ("#F4A582", "#D0744A", "#1A1A1A"),
    "RiskE": ("#B2182B", "#7E0F1D", "#FFFFFF"),
}
PARTY_CAPTION = "{partyId} {riskScore}"


@dataclass(frozen=True)
class Look:
    """How nodes of some labels look. ``caption``: properties in braces; ``diameter``: pixels."""

    labels: tuple[str, ...]
    caption: str
    diameter: int
    color: str
    border: str
    text: str = "#1A1A1A"


#: Records with the properties that tell them apart; each has a label for versions too.
RECORDS: tuple[Look, ...] = (
    Look(("Invoice",), "{invoiceId}", 44, "#D9EAD3", "#93B585"),
    Look(("Payment",), "{paymentId}", 44, "#B6D7A8", "#7AA566"),
    Look(("Shipment",), "{shipmentId}", 44, "#D0E0E3", "#8FADB3"),
    Look(("Financing",), "{financingId}", 44, "#EAD1DC", "#BE92A6"),
    Look(("Event",), "{kind}", 44, "#FCE5CD", "#D3AE82"),
    Look(("Outcome",), "{kind}", 44, "#E6B8AF", "#BD8479"),
    Look(("Stock",), "{units}", 36, "#EFEFEF", "#BDBDBD"),
    Look(("Identifier",), "{value}", 36, "#EFEFEF", "#BDBDBD"),
    Look(("Split",), "{part}", 36, "#EFEFEF", "#BDBDBD"),
    Look(("FxRate",), "{currency}", 36, "#EFEFEF", "#BDBDBD"),
    Look(("ContextValue",), "{name}", 36, "#EFEFEF", "#BDBDBD"),
    Look(("Link",), "{kind}", 36, "#EFEFEF", "#BDBDBD"),
)
PARTIES = Look(
    ("Party", "PartyVersion", *(role.capitalize() for role in ROLES)), PARTY_CAPTION, 66, "#D5D8DD", "#9AA1AC"
)
FINDINGS: tuple[Look, ...] = (
    Look(("Ring",), "{title} {severity}", 84, "#762A83", "#4B1653", "#FFFFFF"),
    Look(("Case",), "{caseId} {status}", 92, "#3F1452", "#22082E", "#FFFFFF"),
    Look(("Verdict",), "{decision}", 60, "#C2A5CF", "#8F6BA0"),
)
BOOKKEEPING: tuple[Look, ...] = (
    Look(("Run",), "{state}", 50, "#595959", "#333333", "#FFFFFF"),
    Look(("Load",), "{state}", 50, "#7F7F7F", "#595959", "#FFFFFF"),
    Look(("Source", "Lease", "Schema"), "{name}", 50, "#7F7F7F", "#595959", "#FFFFFF"),
)
#: Colour of relationships by what they are about.
RELATIONSHIPS: Mapping[str, tuple[str, ...]] = {
    "#5B7DA6": ("SUPPLIES", "SHIPS_TO", "SHIPS_FOR", "ISSUED", "BILLED_TO"),
    "#4C8C4A": ("PAYS", "MADE", "PAID_TO", "FINANCES", "PROVIDED", "ASSIGNED_TO", "LENDS_TO"),
    "#8C6D31": ("OWNS", "CONTROLS", "LEGAL_REP_OF", "BRANCH_OF"),
    "#D95F02": ("GUARANTEES",),
    "#C51B7D": ("SHARES_ADDRESS", "SHARES_PHONE", "SHARES_ACCOUNT", "SHARES_DEVICE"),
    "#762A83": ("INVOLVES", "RESTS_ON", "PART_OF", "HAS_VERDICT"),
}


#: Of relationships that show something other than their type.
CAPTIONS = {"INVOLVES": {"caption": "'{role}'"}}
_NODE = {
    "diameter": "50px",
    "color": "#D5D8DD",
    "border-color": "#9AA1AC",
    "border-width": "2px",
    "text-color-internal": "#1A1A1A",
    "font-size": "11px",
}
_RELATIONSHIP = {
    "color": "#A5ABB6",
    "shaft-width": "2px",
    "font-size": "9px",
    "padding": "3px",
    "text-color-external": "#1A1A1A",
    "text-color-internal": "#FFFFFF",
    "caption": "'<type>'",
}


def grass() -> str:
    """The style sheet."""
    versions = [replace(look, labels=tuple(f"{label}Version" for label in look.labels)) for look in RECORDS]
    bands = [
        Look((label,), PARTY_CAPTION, PARTIES.diameter, color, border, text)
        for label, (color, border, text) in BANDS.items()
    ]
    rules = [_rule("node", _NODE), _rule("relationship", _RELATIONSHIP)]
    for look in (*versions, *RECORDS, *BOOKKEEPING, *FINDINGS, PARTIES, *bands):
        rules += [_rule(f"node.{label}", _properties(look)) for label in look.labels]
    for color, types in RELATIONSHIPS.items():
        rules += [_rule(f"relationship.{name}", {"color": color, **CAPTIONS.get(name, {})}) for name in types]
    return "\n".join(rules) + "\n"


def _properties(look: Look) -> dict[str, str]:
    return {
        "diameter": f"{look.diameter}px",
        "color": look.color,
        "border-color": look.border,
        "text-color-internal": look.text,
        "caption": f"'{look.caption}'",
    }


def _rule(selector: str, properties: Mapping[str, str]) -> str:
    body = "".join(f"  {name}: {value};\n" for name, value in properties.items())
    return f"{selector} {{\n{body}}}"
