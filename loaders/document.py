"""The contract's tables for the manual; ``python -m loaders.document`` prints them."""

from __future__ import annotations

from graph import vocabulary
from graph.contract import COMMON_COLUMNS, TABLES, Column, Table

_FORMS = {
    "text": "",
    "date": "day",
    "int": "whole number",
    "float": "number",
    "money": "amount",
    "bool": "flag",
}


def tables_document() -> str:
    """Markdown: a row a table, its columns in order, required ones bold."""
    return "\n".join(("| table | columns |", "|---|---|", *map(_row, TABLES.values())))


def _row(table: Table) -> str:
    common = {column.name for column in COMMON_COLUMNS}
    columns = [_column(column, table) for column in table.columns if column.name not in common]
    if table.open_columns:
        columns.append("`x_…` numbers")
    return f"| `{table.name}` | {', '.join(columns)} |"


def _column(column: Column, table: Table) -> str:
    name = f"**`{column.name}`**" if column.required else f"`{column.name}`"
    said = [f"{_FORMS[column.type]}", "key" if column.name in table.key else ""]
    if column.references:
        said.append({"parties": "party", "invoices": "invoice"}[column.references])
    allowed = vocabulary.ROLES if column.name == "roles" else column.one_of
    if allowed:
        said.append(("any of " if column.name == "roles" else "") + " ".join(f"`{word}`" for word in allowed))
    said.append(column.meaning.replace("|", "\\|"))
    text = "; ".join(filter(None, said))
    return f"{name} ({text})" if text else name


if __name__ == "__main__":
    print(tables_document())
