"""The turn that the demo plays: what a coding agent's model would write, control tokens spelled out.

The turn is made here, so that the demo can compare what the parser found with what was written.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gemma4_parser import format_arguments

THOUGHT = """\
The user wants the inventory ledger as one typed module, and the two settings that broke the night run mended.
1. `write_file` for src/inventory/ledger.py: a record for each table, rows in and out, no dependency.
2. `edit_file` for config/night_run.toml: the retry count and the greeting of the 大阪 warehouse.
The two do not depend on each other, so both calls can go out at once.
"""

CONTENT = """\
I'll write the ledger module and mend the configuration of the night run in one go. \
Labels keep their original spelling: 倉庫, Größe, naïve 🧾.

"""

RECORDS = {
    "Supplier": "name:str, country:str, contact:str, rating:float",
    "Warehouse": "label:str, city:str, capacity:int, heated:bool",
    "Product": "sku:str, title:str, weight_kg:float, fragile:bool",
    "Batch": "product_id:int, quantity:int, produced_on:str, expires_on:str",
    "Shelf": "warehouse_id:int, row:int, level:int, max_load_kg:float",
    "Movement": "batch_id:int, from_shelf:int, to_shelf:int, quantity:int",
    "Customer": "name:str, email:str, credit_limit:float, blocked:bool",
    "Order": "customer_id:int, placed_on:str, currency:str, paid:bool",
    "OrderLine": "order_id:int, product_id:int, quantity:int, unit_price:float",
    "Shipment": "order_id:int, carrier:str, tracking_code:str, delivered:bool",
    "Invoice": "order_id:int, number:str, total:float, due_on:str",
    "Payment": "invoice_id:int, amount:float, method:str, received_on:str",
    "Refund": "payment_id:int, amount:float, reason:str, approved:bool",
}

HEAD = '''\
"""Inventory ledger: one record for each table, rows in and rows out.

Rows are plain dicts as the `csv` module reads and writes them. 在庫台帳 📦
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

TRUE_WORDS = {"1", "true", "yes", "ja", "はい"}


class LedgerError(ValueError):
    """A row that does not fit its table; the message names the field."""


def read_bool(text: str) -> bool:
    return text.strip().lower() in TRUE_WORDS


def read_number(text: str, field: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise LedgerError(f"{field}: {text!r} is not a number") from error
'''

TAIL = '''

TABLES = {{{tables}}}


def load(path: Path, table: str) -> Iterator[object]:
    """Reads one table; a bad row stops the run with its line number."""
    record = TABLES[table]
    with path.open(encoding="utf-8", newline="") as file:
        for number, row in enumerate(csv.DictReader(file), start=2):
            try:
                yield record.from_row(row)
            except (KeyError, LedgerError) as error:
                raise LedgerError(f"{{path}}, line {{number}}: {{error}}") from error


def save(path: Path, records: Iterable[object]) -> int:
    """Writes the records and returns how many there were. 書き込み完了 ✅"""
    rows = [record.to_row() for record in records]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]) if rows else [])
        writer.writeheader()
        writer.writerows(rows)
    return len(rows)
'''

READERS = {
    "str": 'row["{field}"]',
    "int": 'int(read_number(row["{field}"], "{field}"))',
    "float": 'read_number(row["{field}"], "{field}")',
    "bool": 'read_bool(row["{field}"])',
}


def _record(name: str, fields: str) -> str:
    pairs = [field.split(":") for field in fields.split(", ")]
    lines = ["", "", "@dataclass(frozen=True)", f"class {name}:", f'    """A row of the table `{name.lower()}`."""', ""]
    lines += ["    id: int"]
    lines += [f"    {field}: {kind}" for field, kind in pairs]
    lines += ["", "    @classmethod", f"    def from_row(cls, row: dict[str, str]) -> {name}:", "        return cls("]
    lines += [f"            {field}={READERS[kind].format(field=field)}," for field, kind in [["id", "int"], *pairs]]
    lines += ["        )", "", "    def to_row(self) -> dict[str, object]:", "        return asdict(self)"]
    return "\n".join(lines) + "\n"


def ledger_module() -> str:
    """The source text that the demo's `write_file` call carries: some three hundred lines of Python."""
    records = "".join(_record(name, fields) for name, fields in RECORDS.items())
    return HEAD + records + TAIL.format(tables=", ".join(f'"{name.lower()}": {name}' for name in RECORDS))


@dataclass(frozen=True)
class Turn:
    """What the model writes, and what a parser should find in it."""

    text: str
    reasoning: str
    content: str
    calls: tuple[tuple[str, dict[str, Any]], ...]


def turn() -> Turn:
    """The demo's turn."""
    calls: tuple[tuple[str, dict[str, Any]], ...] = (
        ("write_file", {"content": ledger_module(), "overwrite": False, "path": "src/inventory/ledger.py"}),
        (
            "edit_file",
            {
                "dry_run": False,
                "edits": [
                    {"find": "retries = 0", "line": 12, "replace": "retries = 3  # 夜間バッチ 🌙"},
                    {"find": 'greeting = "hi"', "line": 41, "replace": 'greeting = "いらっしゃいませ 🙇‍♀️"'},
                    {"find": "timeout = {}", "line": 57, "replace": "timeout = {connect = 2.5, read = 30}"},
                ],
                "limits": {"max_changes": 3, "min_similarity": 0.85, "tolerance": 1e-06},
                "path": "config/night_run.toml",
            },
        ),
    )
    written = "".join(f"<|tool_call>call:{name}{{{format_arguments(value)}}}<tool_call|>" for name, value in calls)
    text = f"<|channel>thought\n{THOUGHT}<channel|>{CONTENT}{written}<|tool_response>"
    # One newline before the close of a thought is structure.
    return Turn(text, THOUGHT.removesuffix("\n"), CONTENT, calls)
