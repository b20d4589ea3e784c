"""Where rings are planted: living companies to draw members from, and the rows that a plot leaves."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from graph.contract import TABLES, arrow_schema
from graph.errors import BadInput
from graph.relations import day_of
from loaders.synthetic.columns import NEVER
from loaders.synthetic.course import World
from loaders.synthetic.invoices import Defaults
from loaders.synthetic.population import INDUSTRIES, INDUSTRY_NAMES, REGIONS
from loaders.synthetic.settings import SOURCE, WARM_UP_MONTHS, stream

#: Numbers of planted rows begin here: beyond those of ordinary ones, and looking no different.
FIRST_NUMBER = 500_000_000
PREFIXES = {
    "invoices": "I",
    "payments": "Y",
    "shipments": "S",
    "financings": "F",
    "events": "E",
    "outcomes": "O",
}
#: A plot lies within so many days before the last simulated one.
LONGEST_AGO_DAYS, SHORTEST_AGO_DAYS = 540, 150
#: Kind of a planted pattern that is really meant; every other kind names a benign look-alike.
RING = "ring"


@dataclass(frozen=True)
class Trail:
    """What an ordinary sale leaves beside its invoice. ``paid_after_days`` None: it stays open."""

    due_after_days: int = 30
    paid_after_days: int | None = 30
    shipped: bool = True
    delivered_after_days: int = 6
    void: bool = False


class Ground:
    """Draws members, takes rows, remembers the truth. Days are day numbers, amounts minor units of EUR."""

    def __init__(self, world: World, defaults: Defaults) -> None:
        self.settings, self.population, self.trade = world.settings, world.population, world.trade
        self.random = stream(world.settings, "rings")
        n = self.population.traders
        settled = self.population.entered[:n] <= WARM_UP_MONTHS
        self.living = np.flatnonzero(settled & (defaults.on == NEVER) & self.population.on_platform[:n])
        self.failed = np.flatnonzero((defaults.on != NEVER) & (defaults.on < self.last_day - 200))
        self.failed_on = defaults.on
        self._used: dict[str, set[int]] = defaultdict(set)
        self._rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self._truth: list[dict[str, Any]] = []
        self._plots = 0
        self._new_parties = 0

    def turn_to(self, typology: str) -> None:
        """Draw from the typology's own random numbers from here on: typologies do not disturb each other."""
        self.random = stream(self.settings, f"rings: {typology}")

    @property
    def last_day(self) -> int:
        """Day after the last simulated one."""
        return int(self.settings.month_starts[-1])

    def start(self) -> int:
        """A day on which a plot may begin: it has ``SHORTEST_AGO_DAYS`` until the last simulated day."""
        return int(self.last_day - self.random.integers(SHORTEST_AGO_DAYS, LONGEST_AGO_DAYS))

    def companies(self, typology: str, count: int, among: np.ndarray | None = None) -> list[int]:
        """Living traders (or those ``among`` codes), none of them in a plot of this typology yet."""
        pool, used = self.living if among is None else among, self._used[typology]
        found: list[int] = []
        while len(found) < count:
            code = int(self.random.choice(pool))
            if code not in used:
                used.add(code)
                found.append(code)
            elif used.issuperset(pool.tolist()):
                raise BadInput(
                    f"synthetic ecosystem: {len(pool)} companies are too few for {self.settings.rings} rings "
                    f"of {typology}: ask for more parties, or for fewer rings"
                )
        return found

    def carrier(self) -> int:
        """Any carrier."""
        return int(self.population.traders + self.random.integers(self.population.carriers))

    def financier(self) -> int:
        """Any financier."""
        first = self.population.traders + self.population.carriers
        return int(first + self.random.integers(self.population.financiers))

    def person(self) -> int:
        """Any person."""
        return int(self.population.companies + self.random.integers(self.population.persons))

    def amount(self, seller: int, buyer: int) -> int:
        """An ordinary invoice between the two, as ordinary trade draws it; new parties count as size 1."""
        size = self.population.size
        typical = np.sqrt(np.prod([size[code] if code < len(size) else 1.0 for code in (seller, buyer)]))
        return int(np.exp(self.random.normal(8.0, 0.6)) * typical * 100)

    def new_company(self, registered_on: int, like: int) -> int:
        """A company that was not there: industry and region of ``like``. Returns its code."""
        code = self.population.parties + self._new_parties
        self._new_parties += 1
        self.add(
            "parties", registered_on,
            party_id=self.id_of(code), kind="company", roles="supplier|buyer",
            country="DE", region=REGIONS[self.population.region[like]],
            industry=INDUSTRY_NAMES[self.population.industry[like]],
            registered_on=day_of(registered_on), size_band="small", on_platform=True,
        )  # fmt: skip
        return code

    @staticmethod
    def id_of(code: int) -> str:
        """Party id of a code."""
        return f"P{code:07d}"

    def add(self, table: str, known_on: int, **values: Any) -> str:
        """Take a row of the contract (day numbers are turned into dates for columns of days).

        Returns its id, numbered here where the table has one of its own and none is given.
        """
        key = TABLES[table].key[0]
        if table in PREFIXES:
            values.setdefault(key, f"{PREFIXES[table]}{FIRST_NUMBER + len(self._rows[table]):09d}")
        for column in TABLES[table].columns:
            value = values.get(column.name)
            if column.type == "date" and isinstance(value, int | np.integer):
                values[column.name] = day_of(int(value))
            elif column.references == "parties" and isinstance(value, int | np.integer):
                values[column.name] = self.id_of(int(value))
        self._rows[table].append({**values, "known_on": day_of(known_on), "source": SOURCE})
        return str(values[key])

    def pay(self, payer: int, payee: int, on: int, amount: int, invoice_id: str | None = None) -> str:
        """A payment."""
        return self.add(
            "payments", on, payer_id=payer, payee_id=payee, paid_on=on, amount=amount, currency="EUR",
            invoice_id=invoice_id,
        )  # fmt: skip

    def sell(self, seller: int, buyer: int, on: int, amount: int, trail: Trail | None = None) -> str:
        """An invoice, its payment and shipment as ``trail`` says. Returns the invoice's id."""
        trail = trail or Trail()
        last = self.settings.extracted_on
        paid_on = None if trail.paid_after_days is None else on + trail.paid_after_days
        paid_on = None if paid_on is not None and (paid_on > last or trail.void) else paid_on
        status = "void" if trail.void else "paid" if paid_on is not None else "open"
        industry = self.population.industry[seller] if seller < self.population.companies else 0
        invoice = self.add(
            "invoices", on, seller_id=seller, buyer_id=buyer, issued_on=on, amount=amount, currency="EUR",
            due_on=on + trail.due_after_days, paid_on=paid_on, status=status,
            status_on=on + 2 if trail.void else paid_on,
            goods=INDUSTRIES[min(industry, len(INDUSTRIES) - 1)][-1],
        )  # fmt: skip
        if paid_on is not None:
            self.pay(buyer, seller, paid_on, amount, invoice)
        if trail.shipped:
            self.ship(seller, buyer, on + 1, amount, invoice, trail.delivered_after_days)
        return invoice

    def ship(
        self, shipper: int, consignee: int, on: int, value: int, invoice_id: str | None, days: int = 6
    ) -> str:
        """A shipment by any carrier, delivered after so many days."""
        return self.add(
            "shipments", on, shipper_id=shipper, consignee_id=consignee, carrier_id=self.carrier(),
            dispatched_on=on, promised_on=on + 7, delivered_on=on + days, value=value, currency="EUR",
            quantity=float(max(1, value // 5000)), mode="road", goods="mixed goods", invoice_id=invoice_id,
        )  # fmt: skip

    def link(
        self,
        source: int,
        target: int,
        kind: str,
        since: int,
        until: int | None = None,
        amount: int | None = None,
    ) -> None:
        """A link of a kind of the vocabulary, known from its first day on."""
        self.add(
            "links", max(since, self.settings.first_day), source_id=source, target_id=target, kind=kind,
            valid_from=since, valid_to=until, amount=amount, currency=None if amount is None else "EUR",
        )  # fmt: skip

    def finance(
        self, invoice_id: str | None, financier: int, on: int, amount: int, repaid_after_days: int | None = 60
    ) -> str:
        """A financing of an invoice."""
        return self.add(
            "financings", on, invoice_id=invoice_id, financier_id=financier, financed_on=on, due_on=on + 60,
            amount=amount, currency="EUR", recourse=True, advance_rate=0.8,
            repaid_on=None if repaid_after_days is None else on + repaid_after_days,
        )  # fmt: skip

    def plant(
        self, typology: str, kind: str, members: Sequence[tuple[int, str]], first_on: int, last_on: int
    ) -> None:
        """Remember a planted ring (``kind`` is ``RING``) or look-alike (``kind`` names it)."""
        self._plots += 1
        for code, role in members:
            self._truth.append(
                {
                    "ring_id": f"{typology}-{self._plots:05d}", "typology": typology, "kind": kind,
                    "party_id": self.id_of(code), "role": role,
                    "first_on": day_of(first_on), "last_on": day_of(last_on),
                }
            )  # fmt: skip

    def write(self, folder: Path) -> None:
        """Append the rows to the contract's files in ``folder``; the truth to ``truth/rings.parquet``."""
        for name, rows in sorted(self._rows.items()):
            path, schema = folder / f"{name}.parquet", arrow_schema(TABLES[name])
            planted = pa.Table.from_pylist(rows, schema)
            pq.write_table(pa.concat_tables([pq.read_table(path), planted]), path, compression="zstd")
        days = pa.date32()
        text = {name: pa.string() for name in ("ring_id", "typology", "kind", "party_id", "role")}
        truth = pa.schema({**text, "first_on": days, "last_on": days})
        (folder / "truth").mkdir(exist_ok=True)
        pq.write_table(pa.Table.from_pylist(self._truth, truth), folder / "truth" / "rings.parquet")
