"""A small ecosystem in Neo4j with scores, rings of every typology and cases: what the kit is shown on."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa

from graph.rings.typologies import TYPOLOGIES
from graph.snapshot import Snapshot
from graph.store import EcosystemStore, PublishedRings, PublishedScores
from loaders import load
from loaders.synthetic import EcosystemSettings, generate
from tests.ecosystems import load as load_rows

AS_OF = date(2024, 1, 1)
BANDS = np.array(list("ABCDE"))
BAND_LIMITS = (0.005, 0.02, 0.05, 0.15)
RING_SIZE = 4


def make_demo(store: EcosystemStore, folder: Path) -> None:
    """Load a few hundred parties with some rows of what chance brings too rarely, and publish results."""
    generate(EcosystemSettings(parties=200, seed=3, invoices_per_party=3), folder / "tables")
    load("canonical", folder / "tables", store, folder)
    snapshot = store.read(AS_OF, None)
    store.publish(drawn_scores(snapshot))
    ends = invoice_ends(snapshot)
    load_rows(store, folder, {"financings": financed_twice(ends), "invoices": back_again(ends)})
    store.publish_rings(drawn_rings(snapshot, ends))


def drawn_scores(snapshot: Snapshot) -> PublishedScores:
    """A score for every company, drawn: the kit shows scores, whatever they rest on."""
    kinds = snapshot.tables["parties"]["kind"].to_pylist()
    ids = [str(one) for one, kind in zip(snapshot.party_ids, kinds, strict=True) if kind == "company"]
    random = np.random.default_rng(7)
    pd = np.clip(np.exp(random.normal(-3.5, 1.3, len(ids))), 0.0003, 0.9)
    columns = {
        "party_id": ids,
        "score": pa.array(np.round(600 + 40 * np.log2((1 - pd) / pd / 20)), pa.int32()),
        "band": BANDS[np.searchsorted(BAND_LIMITS, pd, side="right")].tolist(),
        "pd": pd,
        "percentile": pd.argsort().argsort() / len(pd),
        "inherited_points": pa.array(-random.integers(0, 60, len(ids)), pa.int32()),
    }
    return PublishedScores("demo", snapshot.as_of, "model", snapshot.sha256, pa.table(columns))


def invoice_ends(snapshot: Snapshot) -> list[tuple[str, str, str]]:
    """Invoice, seller and buyer."""
    rows = snapshot.tables["invoices"].select(["invoice_id", "seller_code", "buyer_code"]).to_pylist()
    ids = snapshot.party_ids
    return [(r["invoice_id"], str(ids[r["seller_code"]]), str(ids[r["buyer_code"]])) for r in rows]


def financed_twice(ends: list[tuple[str, str, str]]) -> list[dict[str, object]]:
    financier = ends[-1][1]
    return [
        {"financing_id": f"again-{n}", "invoice_id": ends[0][0], "financier_id": financier,
         "financed_on": AS_OF, "amount": 1_000, "currency": "EUR"}
        for n in range(2)
    ]  # fmt: skip


def back_again(ends: list[tuple[str, str, str]]) -> list[dict[str, object]]:
    """Invoices from buyers to their sellers."""
    return [
        {"invoice_id": f"back-{invoice}", "seller_id": buyer, "buyer_id": seller, "issued_on": AS_OF,
         "amount": 2_000, "currency": "EUR"}
        for invoice, seller, buyer in ends[:3]
    ]  # fmt: skip


def drawn_rings(snapshot: Snapshot, ends: list[tuple[str, str, str]]) -> PublishedRings:
    """A ring of every typology around some invoice's parties, each a case of its own."""
    rings, members, evidence = [], [], []
    for n, typology in enumerate(TYPOLOGIES):
        own = ends[n * RING_SIZE : (n + 1) * RING_SIZE]
        ring_id, parties = f"{typology.code}-demo", sorted({end for _, *both in own for end in both})
        rings.append(
            {"ring_id": ring_id, "typology": typology.code, "title": typology.title,
             "severity": round(0.9 - n / 20, 2), "expected_by_chance": 0.01, "first_on": AS_OF,
             "last_on": AS_OF, "amount": 100_000, "explanation": "The records show invoices.",
             "case_id": f"case-{n}"}
        )  # fmt: skip
        members += [{"ring_id": ring_id, "party_id": party, "role": "trader"} for party in parties]
        evidence += [{"ring_id": ring_id, "table": "invoices", "key": invoice} for invoice, *_ in own]
    cases = [
        {"case_id": ring["case_id"], "status": "open", "note": "", "severity": ring["severity"],
         "first_on": AS_OF, "last_on": AS_OF, "amount": ring["amount"], "typologies": ring["typology"]}
        for ring in rings
    ]  # fmt: skip
    tables = [pa.Table.from_pylist(rows) for rows in (rings, members, evidence, cases)]
    return PublishedRings("demo", snapshot.as_of, snapshot.sha256, *tables)
