"""Print the lines that gpu.sh wrote as a table: each program, its MFU by two formulas, its memory, the plan beside."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

HEADINGS = (
    "program",
    "size",
    "weights",
    "recomputed",
    "batch",
    "step s",
    "MFU 6N+attn",
    "MFU 6N",
    "peak GB",
    "planned",
)


def main() -> None:
    lines = Path(sys.argv[1]).read_text(encoding="utf-8").splitlines()
    records = [json.loads(line) for line in lines if line.startswith("{")]
    rows = [HEADINGS, *(_row(record) for record in records)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)))
    for record in records:
        if "checkpoint" in record:
            taken = record["checkpoint"]
            print(
                f"checkpoint of {taken['bytes'] / 1e9:.1f} GB at {record['size']}: blocked {taken['blocked_s']:.3f} s "
                f"(the first {taken['first_blocked_s']:.3f} s), step beside it {taken['step_beside_s']:.3f} s"
            )


def _row(record: dict[str, Any]) -> tuple[str, ...]:
    program = record["program"]
    batch = f"{record.get('micro_batch', '')}"
    described = (program, record["size"], record.get("weight_type", ""), record.get("recomputation", ""), batch)
    if "error" in record:
        return (*described, record["error"], "", "", "", "")
    plan = record.get("plan")
    planned = f"{plan['step_time_s']['best']:.3f} s, {plan['memory_bytes'] / 1e9:.0f} GB" if plan else "–"
    return (
        *described,
        f"{record['step_time_s']:.3f}",
        f"{record['mfu_6n_attention']:.1%}",
        f"{record['mfu_6n']:.1%}",
        f"{(record.get('peak_memory_bytes') or 0) / 1e9:.0f}",
        planned,
    )


if __name__ == "__main__":
    main()
