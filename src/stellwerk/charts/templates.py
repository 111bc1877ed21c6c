"""Page templates of any room, compiled once."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from stellwerk.charts.words import word

if TYPE_CHECKING:
    from jinja2 import Environment, Template


def page_template(package: str, name: str) -> Template:
    """A template that lies beside the modules of a room; text is escaped, a missing variable is an error."""
    return _environment(package).get_template(name)


@cache
def _environment(package: str) -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined  # slow to import, and most commands draw no page

    environment = Environment(
        loader=PackageLoader(package, "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["word"] = word
    return environment
