"""A what-if as one self-contained page: before and after in figures and pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from stellwerk import __version__
from stellwerk.charts import figure, page_template, render_page
from stellwerk.measures.outcome import Outcome
from stellwerk.measures.what_if_pictures import pictures_of
from stellwerk.measures.what_if_tables import group_table, seeds_sentence, size_table, whole_table
from stellwerk.measures.what_if_words import across, name_of, shown_duration
from stellwerk.messages import Language, text


@dataclass(frozen=True, slots=True)
class About:
    """What was replayed, for the page to say: the log with its checksum and its own header lines (its
    acknowledgements), how many jobs it holds and how many were replayed, the cluster, the policy."""

    log: str
    sha256: str
    header: tuple[str, ...]
    jobs: int
    replayed: int
    cluster: str
    policy: str


def render_what_if_page(outcomes: Sequence[Outcome], about: About, language: Language) -> str:
    """The whole page, for two outcomes or more, the first being what is; it makes no request to anywhere."""
    before, after = outcomes[0], outcomes[-1]
    charts = {chart.id: figure(chart, language) for chart in pictures_of(outcomes, language)}
    main = page_template("stellwerk.measures", "what_if.html.j2").render(
        whole=whole_table(outcomes, language),
        by_size=size_table(outcomes, language),
        by_group=group_table(outcomes, language),
        charts=charts,
        about=about,
        seeds=seeds_sentence(outcomes, language),
        not_run=[(name_of(outcome, language), outcome.whole[0].unsatisfiable) for outcome in outcomes],
        say=lambda key, **params: text(f"what_if.{key}", language, **params),
    )
    duration = shown_duration(language)
    return render_page(
        title=text("what_if.title", language, name=", ".join(after.changes)),
        language=language,
        summary=text(
            "what_if.summary",
            language,
            jobs=about.replayed,
            log=about.log,
            cluster=about.cluster,
            before=across([whole.mean_wait_s for whole in before.whole], duration)[0],
            after=across([whole.mean_wait_s for whole in after.whole], duration)[0],
        ),
        main=Markup(main),  # noqa: S704 - rendered by an escaping template
        footer=Markup("<p>{}</p>").format(
            text("what_if.footer", language, version=__version__, log=about.log, hash=about.sha256[:12])
        ),
    )
