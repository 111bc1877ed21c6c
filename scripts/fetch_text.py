"""Text out of packages of Debian: one folder per package with text, its licence, and where it is from.

The licences below were read in the packages' debian/copyright; each package is searched for the words that say so, and
refused where they have changed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path


@dataclass(frozen=True)
class Package:
    """Which pages of a package are read, and what must stand in its copyright file.

    ``main`` is the attribute and value of the element that holds the text of a page; ``sections`` cuts pages at their
    second headings; ``fortunes`` are entries that a line "%" divides.
    """

    name: str
    title: str
    language: str
    licence: str
    licence_words: str
    pages: str
    main: tuple[str, str] | None = None
    without: tuple[str, ...] = ()
    sections: bool = False
    fortunes: bool = False


PACKAGES = (
    Package(
        name="debian-handbook",
        title="Das Debian Administrationshandbuch (paragraphs that are not translated are in English)",
        language="de",
        licence="GPL-2.0-or-later OR CC-BY-SA-3.0",
        licence_words="License: GPL-2.0+ or CC-BY-SA-3.0",
        pages="usr/share/doc/debian-handbook/html/de-DE/*.html",
        without=("index",),
    ),
    Package(
        name="debian-reference-de",
        title="Debian-Referenz",
        language="de",
        licence="GPL-2.0-or-later",
        licence_words="License: GPL-2+",
        pages="usr/share/debian-reference/*.de.html",
        without=("index.de",),
        sections=True,
    ),
    Package(
        name="fortunes-de",
        title="Deutsche Sprüche für fortune",
        language="de",
        licence="GPL-2.0-or-later",
        licence_words="License: GPL-2+",
        pages="usr/share/games/fortunes/de/*",
        fortunes=True,
    ),
    Package(
        name="python3.11-doc",
        title="Documentation of Python 3.11",
        language="en",
        licence="PSF-2.0 (examples also 0BSD); parts under the licences in the file copyright",
        licence_words="PYTHON SOFTWARE FOUNDATION LICENSE VERSION 2",
        pages="usr/share/doc/python3.11/html/**/*.html",
        main=("role", "main"),
        without=("index", "contents", "search", "py-modindex", "genindex"),
    ),
)

_SKIPPED_TAGS = ("script", "style", "nav", "head", "title")
_SKIPPED_CLASSES = {"docnav", "navheader", "navfooter", "toc", "headerlink", "related", "sphinxsidebar"}
_SKIPPED_IDS = {"banner", "title"}
_BLOCKS = {
    "p", "div", "section", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "dl", "dt", "dd", "pre", "table",
    "blockquote",
}  # fmt: skip
_LINES = {"li", "tr", "br"}
_CELLS = {"td", "th"}
_EMPTY = {"br", "hr", "img", "input", "link", "meta", "col", "area", "base", "wbr", "source"}


def main() -> int:
    parser = argparse.ArgumentParser(
        description="German and English text from packages of Debian, with their licences."
    )
    parser.add_argument("folder", type=Path, nargs="?", default=Path("build/text"), help="default: build/text")
    names = [package.name for package in PACKAGES]
    parser.add_argument("packages", nargs="*", metavar="PACKAGE", help=f"default: {' '.join(names)}")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.packages if name not in names]
    if unknown:
        return _refuse(f"unknown package {unknown[0]}; allowed: {', '.join(names)}")
    for program in ("apt-get", "dpkg-deb"):
        if shutil.which(program) is None:
            return _refuse(
                f"{program} is not here: this machine has no packages of Debian. Make the text on one that has them, "
                "or in the container image debian:bookworm, and copy the folder."
            )
    for package in PACKAGES:
        if package.name in (arguments.packages or names):
            try:
                count, size, version = fetch(package, arguments.folder / package.name)
            except OSError as error:
                return _refuse(f"{package.name}: {error}")
            print(f"{arguments.folder / package.name}: version {version}, {count:,} documents, {size:,} bytes")
    return 0


def fetch(package: Package, folder: Path) -> tuple[int, int, str]:
    """Fetches a package and writes its text; gives the documents, the bytes and the version.

    An older text in the folder is replaced when the new one is whole.
    """
    with tempfile.TemporaryDirectory() as place:
        deb = download(package.name, Path(place))
        tree = Path(place) / "tree"
        run_program("dpkg-deb", "--extract", str(deb), str(tree))
        version = run_program("dpkg-deb", "--field", str(deb), "Version").strip()
        copyright_file = (tree / "usr/share/doc" / package.name / "copyright").resolve()
        copyright_text = copyright_file.read_text(encoding="utf-8")
        if package.licence_words not in copyright_text:
            raise OSError(f"its copyright file no longer says {package.licence_words!r}: read it, and mend this script")
        folder.parent.mkdir(parents=True, exist_ok=True)
        whole = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
        whole.chmod(0o755)
        count, size = write_text(package, tree, whole)
        (whole / "copyright").write_text(copyright_text, encoding="utf-8")
        (whole / "SOURCE.toml").write_text(source_toml(package, version, deb), encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        whole.rename(folder)
    return count, size, version


def download(name: str, place: Path) -> Path:
    """The package's file; raises OSError with what can be done where apt-get has none."""
    try:
        run_program("apt-get", "download", name, cwd=place)
    except OSError as error:
        raise OSError(f"{error} (the network may be missing, or the list of packages: apt-get update)") from None
    (found,) = place.glob("*.deb")
    return found


def run_program(name: str, *arguments: str, cwd: Path | None = None) -> str:
    """What a program prints; raises OSError with its last message where it fails."""
    command = [shutil.which(name) or name, *arguments]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError((done.stderr.strip().splitlines() or [f"{name} failed"])[-1])
    return done.stdout


def write_text(package: Package, tree: Path, folder: Path) -> tuple[int, int]:
    """Writes the text of all pages; gives the documents and their bytes."""
    count = size = 0
    for path in sorted(tree.glob(package.pages)):
        if path.is_symlink() or path.name.partition(".html")[0].startswith(package.without or ("\n",)):
            continue
        text = path.read_text(encoding="utf-8")
        name = "-".join(path.relative_to(tree / package.pages.split("*")[0]).with_suffix("").parts)
        if package.fortunes:
            entries = [entry.strip("\n") for entry in text.split("\n%\n")]
            documents = [entry for entry in entries if entry.strip(" \n%")]
            lines = [json.dumps({"text": entry + "\n"}, ensure_ascii=False) + "\n" for entry in documents]
            (folder / f"{name}.jsonl").write_text("".join(lines), encoding="utf-8")
        else:
            documents = list(page_texts(text, package))
            for number, document in enumerate(documents):
                own = f"{name}-{number:02d}" if package.sections else name
                (folder / f"{own}.txt").write_text(document, encoding="utf-8")
        count += len(documents)
        size += sum(len(document.encode()) for document in documents)
    if not count:
        raise OSError(f"nothing was found at {package.pages}")
    return count, size


def page_texts(html: str, package: Package) -> Iterator[str]:
    """The text of a page, in parts where it is cut at headings; what is empty is left out."""
    page = _Page(package.main, "h2" if package.sections else None)
    page.feed(html)
    page.close()
    for part in page.parts:
        text = tidied("".join(part))
        if text:
            yield text


def tidied(text: str) -> str:
    """No blank at the end of a line, no more than one empty line."""
    lines: list[str] = []
    for line in text.split("\n"):
        bare = line.rstrip()
        if bare or (lines and lines[-1]):
            lines.append(bare)
    return "\n".join(lines).strip("\n") + "\n" if any(lines) else ""


def source_toml(package: Package, version: str, deb: Path) -> str:
    """Where the text is from and what may be done with it; the values have no character that TOML would escape."""
    return "\n".join(
        [
            "schema = 1",
            f'source = "Debian package {package.name}: {package.title}"',
            f'version = "{version}"',
            f'licence = "{package.licence}"',
            'licence_text = "copyright"  # the package\'s debian/copyright, beside this file',
            f'language = "{package.language}"',
            f'package_sha256 = "{hashlib.sha256(deb.read_bytes()).hexdigest()}"',
            "",
        ]
    )


class _Page(HTMLParser):
    """Collects the text of a page: paragraphs are divided by an empty line, navigation is left out."""

    def __init__(self, main: tuple[str, str] | None, cut_at: str | None) -> None:
        super().__init__()
        self.parts: list[list[str]] = [[]]
        self._main = main
        self._cut_at = cut_at
        self._inside = _Element()  # what holds the text of the page
        self._skipped = _Element()
        self._verbatim = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside.start(tag)
        self._skipped.start(tag)
        values = dict(attrs)
        if not self._inside.open and self._main is not None and values.get(self._main[0]) == self._main[1]:
            self._inside.begin(tag)
        classes = set((values.get("class") or "").split())
        if (
            not self._skipped.open
            and tag not in _EMPTY
            and (tag in _SKIPPED_TAGS or classes & _SKIPPED_CLASSES or values.get("id") in _SKIPPED_IDS)
        ):
            self._skipped.begin(tag)
        if not self._heard:
            return
        if tag == self._cut_at:
            self.parts.append([])
        self._verbatim += tag == "pre"
        self._begin(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        if self._heard:
            self._begin(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._heard:
            self._add("\n\n" if tag in _BLOCKS else " " if tag in _CELLS else "")
            self._verbatim -= tag == "pre" and self._verbatim > 0
        self._inside.end(tag)
        self._skipped.end(tag)

    def handle_data(self, data: str) -> None:
        if not self._heard:
            return
        part = self.parts[-1]
        if self._verbatim:
            part.append(data)
            return
        words = " ".join(data.split())
        begins_line = not part or part[-1].endswith(("\n", " "))
        if data[:1].isspace() and not begins_line:
            part.append(" ")
        if words:
            part.append(words + (" " if data[-1].isspace() else ""))

    @property
    def _heard(self) -> bool:
        return not self._skipped.open and (self._main is None or self._inside.open)

    def _begin(self, tag: str) -> None:
        self._add("\n\n" if tag in _BLOCKS else "\n" if tag in _LINES else "")

    def _add(self, text: str) -> None:
        if text:
            self.parts[-1].append(text)


class _Element:
    """An element that is open until as many of its tags have ended as have begun."""

    def __init__(self) -> None:
        self._tag = ""
        self._depth = 0

    @property
    def open(self) -> bool:
        return self._depth > 0

    def begin(self, tag: str) -> None:
        self._tag, self._depth = tag, 1

    def start(self, tag: str) -> None:
        self._depth += self.open and tag == self._tag

    def end(self, tag: str) -> None:
        self._depth -= self.open and tag == self._tag


def _refuse(message: str) -> int:
    print(f"fetch-text: {message}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
