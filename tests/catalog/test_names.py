from __future__ import annotations

import subprocess
import sys

from stellwerk import catalog


def test_the_room_exports_these_names_and_no_others() -> None:
    assert set(catalog.__all__) == {
        "EU_MEMBERS",
        "Accelerator",
        "AmountLimit",
        "ApplicantKind",
        "Catalogue",
        "Claim",
        "Eligibility",
        "Evidence",
        "Fact",
        "Group",
        "Openness",
        "Phase",
        "Price",
        "PriceObservation",
        "Product",
        "Programme",
        "Provider",
        "Software",
        "Source",
        "Status",
        "Summary",
        "Support",
        "System",
        "Total",
        "accelerator_name",
        "add_up",
        "admits_country",
        "as_plain_data",
        "load_catalogue",
        "named_facts",
        "openness_of",
        "phase_of",
        "summarise",
    }
    assert all(hasattr(catalog, name) for name in catalog.__all__)


def test_importing_the_room_imports_no_pydantic() -> None:
    code = "import sys, stellwerk.catalog; sys.exit('pydantic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
