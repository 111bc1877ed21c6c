from __future__ import annotations

import datetime

import pytest

from stellwerk.catalog import Catalogue, load_catalogue
from stellwerk.charts import Language
from stellwerk.whitepaper import Answer, Comment, Edition, compose_edition, render_edition

AS_OF = datetime.date(2026, 11, 23)
LANGUAGES: tuple[Language, ...] = ("de", "en")


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    return load_catalogue()


@pytest.fixture(scope="session")
def comments() -> tuple[Comment, ...]:
    """One answered comment with full consent, one open without any, one on a figure of a former edition."""

    def comment(number: int, figure_id: str, text: str, name: bool, email: bool, *answers: Answer) -> Comment:
        person = f"Person Nummer {number}", f"person{number}@example.org"
        return Comment(f"c{number}", figure_id, AS_OF, *person, name, email, text, answers)

    return (
        comment(
            1, "fig-capacity-accelerators-de", "Stimmt die Summe?", True, True, Answer("Ja, siehe Nachweis.", AS_OF)
        ),
        comment(2, "val-jsc-jupiter-booster-accelerators", "<script>alert(1)</script> & mehr", False, False),
        comment(3, "fig-of-a-former-edition", "Wo ist sie geblieben?", True, False),
    )


@pytest.fixture(scope="session")
def edition(catalogue: Catalogue, comments: tuple[Comment, ...]) -> Edition:
    return compose_edition(catalogue, as_of=AS_OF, version="1.2.3", comments=comments, feedback_hash="f" * 64)


@pytest.fixture(scope="session")
def pages(edition: Edition) -> dict[Language, str]:
    return {language: render_edition(edition, language) for language in LANGUAGES}
