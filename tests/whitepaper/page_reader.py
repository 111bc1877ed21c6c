"""Reads a page as a browser would and lists what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

_VOID = {"meta", "link", "br", "hr", "img", "input", "wbr"}
_BLOCKS = {"p", "h1", "h2", "h3", "li", "tr", "caption", "figcaption", "summary", "dt", "blockquote", "td", "th", "div"}
_BREAK = "\0"
_FETCHING = {"src", "srcset", "poster", "data", "action", "formaction", "background"}


@dataclass(slots=True)
class Page:
    language: str = ""
    ids: set[str] = field(default_factory=set)
    link_targets: list[str] = field(default_factory=list)
    elements: set[str] = field(default_factory=set)
    heading_levels: list[int] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    lines: str = ""
    """The visible text, one block a line."""


def read_page(html: str) -> Page:
    """The page's ids, links, headings and visible text, with every breach of what all pages promise in ``problems``.

    Balanced tags, unique ids, every local link and every named label has its target, headings in order, tables
    with a caption and scoped heads, no foreign request, no inline handler and no style attribute.
    """
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader.finish()


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.page = Page()
        self._open: list[str] = []
        self._references: list[str] = []
        self._captions: list[bool] = []
        self._texts: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self._look_at(tag, attributes)
        if tag in _BLOCKS:
            self._texts.append(_BREAK)
        if tag not in _VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self._look_at(tag, attributes)

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open[-1] != tag:
            self.page.problems.append(f"</{tag}> at {self.getpos()} closes {self._open[-1:]}")
            return
        self._open.pop()
        if tag == "table" and not self._captions.pop():
            self.page.problems.append(f"table without caption before {self.getpos()}")

    def handle_data(self, data: str) -> None:
        if not {"style", "script"} & set(self._open):
            self._texts.append(data)

    def finish(self) -> Page:
        page = self.page
        lines = (" ".join(line.split()) for line in "".join(self._texts).split(_BREAK))
        page.lines = "".join(f"{line}\n" for line in lines if line)
        page.problems += [f"<{tag}> is never closed" for tag in self._open]
        page.problems += [f"nothing has the id {name}" for name in self._references if name not in page.ids]
        for before, after in zip(page.heading_levels, page.heading_levels[1:], strict=False):
            if after > before + 1:
                page.problems.append(f"h{after} follows h{before}")
        return page

    def _look_at(self, tag: str, pairs: list[tuple[str, str | None]]) -> None:
        page, attributes = self.page, {name: value or "" for name, value in pairs}
        page.elements.add(tag)
        if tag == "html":
            page.language = attributes.get("lang", "")
        if tag == "table":
            self._captions.append(False)
        if tag == "caption":
            self._captions[-1] = True
        if tag == "th" and "scope" not in attributes:
            page.problems.append(f"th without scope at {self.getpos()}")
        if len(tag) == 2 and tag[0] == "h" and tag[1].isdigit():
            page.heading_levels.append(int(tag[1]))
        if (name := attributes.get("id")) is not None:
            if name in page.ids:
                page.problems.append(f"the id {name} is there twice")
            page.ids.add(name)
        self._look_at_links(tag, attributes)

    def _look_at_links(self, tag: str, attributes: dict[str, str]) -> None:
        page = self.page
        href = attributes.get("href")
        if tag == "a" and href is not None:
            page.link_targets.append(href)
            if href.startswith("#"):
                self._references.append(href[1:])
            elif not href.startswith(("https://", "http://", "../")):
                page.problems.append(f"a link to {href}")
        elif href is not None:
            page.problems.append(f"<{tag}> fetches {href}")
        for name in ("aria-labelledby", "aria-describedby"):
            self._references += attributes.get(name, "").split()
        for name in attributes:
            if name in _FETCHING:
                page.problems.append(f"<{tag} {name}> fetches something")
            if name.startswith("on") or name == "style":
                page.problems.append(f"<{tag} {name}> at {self.getpos()}")
