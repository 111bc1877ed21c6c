"""A report as one self-contained page."""

from __future__ import annotations

import re
from collections.abc import Sequence

from markupsafe import Markup

from stellwerk import __version__
from stellwerk.charts import Link, figure, page_template, render_page
from stellwerk.measures.usage.model import Usage
from stellwerk.measures.usage.pictures import usage_pictures
from stellwerk.measures.usage.shown import Shown
from stellwerk.measures.usage.tables import key_figures, log_sentences, usage_tables
from stellwerk.messages import Language

_BESIDE = {"usage-by-sizes": "sizes", "usage-by-groups": "groups"}
_COURSE = "course"


def render_usage_page(
    usage: Usage,
    language: Language,
    *,
    file: str,
    sha256: str,
    left_out: Sequence[str],
    most_rows: int | None = None,
) -> str:
    """The whole page; it makes no request to anywhere.

    ``file`` and ``sha256`` name the log; ``left_out`` are sentences on what its reader dropped.
    """
    shown = Shown(usage, language)
    tables = usage_tables(usage, language, most_rows=most_rows)
    pictures: dict[str, list[Markup]] = {}
    for chart in usage_pictures(usage, language):
        pictures.setdefault(_BESIDE.get(chart.id, _COURSE), []).append(figure(chart, language))
    main = page_template("stellwerk.measures.usage", "usage.html.j2").render(
        figures=[(label, _unbroken(amount), remark) for label, amount, remark in key_figures(usage, language)],
        tables=tables,
        pictures=pictures,
        sentences=[*log_sentences(usage, language), *left_out],
        say=shown.say,
        unbroken=_unbroken,
    )
    sections = [("figures", "contents_figures"), ("log", "contents_log")]
    headings = {key: shown.say(heading) for key, heading in sections}
    return render_page(
        title=shown.say("title", file=file),
        language=language,
        summary=summary_of(usage, language),
        main=Markup(main),  # noqa: S704 - rendered by an escaping template
        contents=[
            Link("#figures", headings["figures"]),
            *(Link(f"#{table.id}", table.title) for table in tables),
            Link("#log", headings["log"]),
        ],
        footer=Markup("<p>{}</p>").format(shown.say("footer", version=__version__, file=file, hash=sha256[:12])),
    )


def _unbroken(amount: str) -> str:
    """With no break between a number and its unit."""
    return re.sub(r"(?<=[0-9]) (?=[^ ·])", "\u00a0", amount)


def summary_of(usage: Usage, language: Language) -> str:
    """How many jobs, from when to when, in which time zone."""
    shown = Shown(usage, language)
    first, last = (shown.instant(second) for second in usage.period_s)
    key = "summary_of_part" if usage.is_part else "summary" if usage.zero is not None else "summary_undated"
    return shown.say(key, jobs=shown.jobs(usage.total.jobs), first=first, last=last, zone=str(usage.zone))
