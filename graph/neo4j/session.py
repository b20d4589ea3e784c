"""The seam to the Neo4j driver: open, ask, write in batches, and say clearly what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self, TypeVar

from neo4j import Driver, GraphDatabase, ManagedTransaction, NotificationMinimumSeverity
from neo4j.exceptions import (
    AuthError,
    ClientError,
    ConfigurationError,
    DriverError,
    Neo4jError,
    ServiceUnavailable,
)

from graph.errors import BadInput, StoreUnavailable

URI_SCHEMES = ("neo4j://", "neo4j+s://", "neo4j+ssc://", "bolt://", "bolt+s://", "bolt+ssc://")
CONNECT_LIMIT_S = 10.0
RETRY_LIMIT_S = 30.0

#: A record of a result: values by name.
Row = Mapping[str, Any]
Result = TypeVar("Result")


@dataclass(frozen=True)
class Neo4jSettings:
    """Where a Neo4j server is and who we are to it; the password is never shown."""

    uri: str
    user: str = "neo4j"
    password: str = field(default="", repr=False)
    database: str | None = None


class Transaction:
    """A managed transaction: commits as a whole when the work that was given it returns."""

    def __init__(self, transaction: ManagedTransaction) -> None:
        self._transaction = transaction

    def run(self, query: str, **parameters: Any) -> list[Row]:
        """All records of a query inside this transaction."""
        return list(self._transaction.run(query, parameters))


class Neo4jSession:
    """One connection pool to one database. Values travel as parameters, never inside a query's text."""

    def __init__(self, settings: Neo4jSettings) -> None:
        self._settings = settings
        if "@" in settings.uri:
            raise BadInput(
                "a Neo4j address holds no login: set ECORISK_NEO4J_USER and ECORISK_NEO4J_PASSWORD"
            )
        if not settings.uri.startswith(URI_SCHEMES):
            raise BadInput(
                f"{settings.uri!r} is no Neo4j address: expected one that begins with bolt:// or neo4j://"
            )
        try:
            self._driver: Driver = GraphDatabase.driver(
                settings.uri,
                auth=(settings.user, settings.password),
                connection_timeout=CONNECT_LIMIT_S,
                max_transaction_retry_time=RETRY_LIMIT_S,
                notifications_min_severity=NotificationMinimumSeverity.OFF,
                user_agent="ecorisk",
            )
        except (ConfigurationError, DriverError, ValueError) as error:
            raise BadInput(f"{settings.uri!r} is no usable Neo4j address: {error}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the pool; open transactions are rolled back."""
        self._driver.close()

    def verify(self) -> str:
        """The server's agent (``Neo4j/5.26.24``); ``StoreUnavailable`` where it cannot be used."""
        with self._errors():
            return str(self._driver.get_server_info().agent)

    def read(self, query: str, **parameters: Any) -> list[Row]:
        """All records of a reading query."""
        with self._errors(), self._driver.session(database=self._settings.database) as session:
            return session.execute_read(lambda tx: Transaction(tx).run(query, **parameters))

    def write(self, query: str, **parameters: Any) -> list[Row]:
        """One managed transaction with one query; the driver retries what is transient."""
        return self.transact(lambda transaction: transaction.run(query, **parameters))

    def transact(self, work: Callable[[Transaction], Result]) -> Result:
        """Several queries in one managed transaction; ``work`` may run again after a transient error."""
        with self._errors(), self._driver.session(database=self._settings.database) as session:
            return session.execute_write(lambda tx: work(Transaction(tx)))

    def alone(self, query: str, **parameters: Any) -> list[Row]:
        """A query that must not be inside a transaction (schema, ``CALL … IN TRANSACTIONS``)."""
        with self._errors(), self._driver.session(database=self._settings.database) as session:
            return list(session.run(query, parameters))

    @contextmanager
    def _errors(self) -> Iterator[None]:
        uri = self._settings.uri
        try:
            yield
        except AuthError as error:
            raise StoreUnavailable(
                f"{uri} refused user {self._settings.user!r}: check ECORISK_NEO4J_USER and "
                "ECORISK_NEO4J_PASSWORD"
            ) from error
        except ServiceUnavailable as error:
            raise StoreUnavailable(
                f"no Neo4j server answers at {uri} ({error}): start one with 'ecorisk neo4j start'"
            ) from error
        except ClientError as error:
            raise StoreUnavailable(f"{uri} refused a request: {error.code}: {error.message}") from error
        except Neo4jError as error:
            hint = ""
            if str(error.code).endswith("MemoryPoolOutOfMemoryError"):
                hint = (
                    ": give the server more heap (server.memory.heap.max_size; 6 GiB for a million parties)"
                )
            raise StoreUnavailable(f"Neo4j at {uri} failed: {error.code}: {error.message}{hint}") from error
        except (DriverError, OSError) as error:
            raise StoreUnavailable(f"Neo4j at {uri} failed: {error}") from error
