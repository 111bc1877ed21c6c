"""Text out of Debian's packages: what of a page is text, and that a licence is stated only where a package says it."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[1] / "scripts" / "fetch_text.py"


@pytest.fixture(scope="module")
def fetch_text() -> ModuleType:
    spec = importlib.util.spec_from_file_location("fetch_text", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["fetch_text"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def package(fetch_text: ModuleType, name: str) -> object:
    return next(one for one in fetch_text.PACKAGES if one.name == name)


def test_navigation_and_scripts_are_no_text_and_code_keeps_its_lines(fetch_text: ModuleType) -> None:
    html = """<html><head><title>no</title><style>no</style></head><body><div id="banner">no <div>no</div></div>
    <ul class="docnav top"><li>no</li></ul><div class="section"><h2>6.1. <code>apt</code></h2>
    <div class="para">Eins <em>zwei</em>,
       drei&nbsp;&uuml;.</div><pre>$ apt  update
  fertig</pre><ul><li>a</li><li>b<br/>c</li></ul><table><tr><td>x</td><td>y</td></tr></table></div>
    <script>no()</script></body></html>"""
    assert list(fetch_text.page_texts(html, package(fetch_text, "debian-handbook"))) == [
        "6.1. apt\n\nEins zwei, drei ü.\n\n$ apt  update\n  fertig\n\na\nb\nc\n\nx y\n"
    ]


def test_a_page_is_cut_at_its_sections_or_read_in_its_main_part(fetch_text: ModuleType) -> None:
    html = '<p>vor</p><div class="toc"><p>no</p></div><h2>1.</h2><p>eins</p><h2>2.</h2><p>zwei</p>'
    assert list(fetch_text.page_texts(html, package(fetch_text, "debian-reference-de"))) == [
        "vor\n", "1.\n\neins\n", "2.\n\nzwei\n",
    ]  # fmt: skip
    html = '<div>no</div><div role="main"><div>yes</div>and <a class="headerlink">no</a>this</div><div>no</div>'
    assert list(fetch_text.page_texts(html, package(fetch_text, "python3.11-doc"))) == ["yes\n\nand this\n"]
    assert list(fetch_text.page_texts("<div>no</div>", package(fetch_text, "python3.11-doc"))) == []


def _package_file(tree: Path, name: str, copyright_text: str, files: dict[str, str]) -> None:
    for path, content in {f"usr/share/doc/{name}/copyright": copyright_text, **files}.items():
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_text(content, encoding="utf-8")


def _stand_in(monkeypatch: pytest.MonkeyPatch, fetch_text: ModuleType, copyright_text: str) -> None:
    """apt-get and dpkg-deb without a network: a package with two fortunes."""

    def run_program(name: str, *arguments: str, cwd: Path | None = None) -> str:
        if name == "apt-get":
            assert cwd is not None
            (cwd / f"{arguments[1]}.deb").write_bytes(b"package")
        elif arguments[0] == "--extract":
            files = {"usr/share/games/fortunes/de/witze": "Eins.\n%\nZwei,\nund Schluss.\n%\n%\n"}
            _package_file(Path(arguments[2]), "fortunes-de", copyright_text, files)
        return "0.35-1\n"

    monkeypatch.setattr(fetch_text, "run_program", run_program)
    monkeypatch.setattr(fetch_text.shutil, "which", lambda _: "/usr/bin/there")


def test_a_folder_states_package_version_licence_and_hash(
    fetch_text: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _stand_in(monkeypatch, fetch_text, "License: GPL-2+\n all of it")
    monkeypatch.setattr("sys.argv", ["fetch-text", str(tmp_path), "fortunes-de"])
    assert fetch_text.main() == 0
    folder = tmp_path / "fortunes-de"
    lines = (folder / "witze.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["text"] for line in lines] == ["Eins.\n", "Zwei,\nund Schluss.\n"]
    stated = tomllib.loads((folder / "SOURCE.toml").read_text(encoding="utf-8"))
    assert stated == {
        "schema": 1,
        "source": "Debian package fortunes-de: Deutsche Sprüche für fortune",
        "version": "0.35-1",
        "licence": "GPL-2.0-or-later",
        "licence_text": "copyright",
        "language": "de",
        "package_sha256": "bc4a71180870f7945155fbb02f4b0a2e3faa2a62d6d31b7039013055ed19869a",
    }
    assert (folder / "copyright").read_text(encoding="utf-8") == "License: GPL-2+\n all of it"


def test_another_licence_than_the_one_that_was_read_is_refused(
    fetch_text: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _stand_in(monkeypatch, fetch_text, "License: all rights reserved")
    monkeypatch.setattr("sys.argv", ["fetch-text", str(tmp_path), "fortunes-de"])
    assert fetch_text.main() == 2
    assert "fortunes-de: its copyright file no longer says 'License: GPL-2+'" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_without_apt_it_says_what_to_do(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(tmp_path)], capture_output=True, text=True, check=False, env={"PATH": "/none"}
    )
    assert done.returncode == 2
    assert done.stderr.startswith("fetch-text: apt-get is not here")
    assert "copy the folder" in done.stderr


def test_a_page_that_every_entry_of_the_list_describes_has_a_licence(fetch_text: ModuleType) -> None:
    for one in fetch_text.PACKAGES:
        text = fetch_text.source_toml(one, "1", SCRIPT)
        assert tomllib.loads(text)["licence"] == one.licence
