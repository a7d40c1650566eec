"""The documents are run: every console block, and every table that the code holds too."""

from __future__ import annotations

import doctest
import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import portbook
from portbook.app.bind.causes import CODES
from portbook.app.explain import explain
from portbook.app.pick.criteria import CRITERIA
from portbook.app.socket_filter import Filter
from portbook.app.stop.executor import OUTCOMES
from portbook.app.stop.model import REFUSALS
from portbook.cli import COMMANDS
from portbook.formats.sockets.detect import FORMATS
from portbook.present.views.listen_fields import FIELDS
from portbook.verdict.finding_facts import GROUPS
from portbook.verdict.rules import RULES
from tasks import build_json_docs
from tests.command_line import run
from tests.documented import examples
from tests.real.needs import need, need_module, need_program
from tests.values import CATALOG

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
ELLIPSIS = "…"


def console_blocks() -> list[tuple[str, str, str]]:
    """(where, command, expected output) of every ``$`` line in a ``console`` block."""
    found = []
    for path in DOCUMENTS:
        for block in re.findall(
            r"^```console\n(.*?)^```", path.read_text(), re.DOTALL | re.MULTILINE
        ):
            for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
                command, _, output = part.partition("\n")
                found.append((path.name, command, output))
    return found


def matches(expected: str, actual: str) -> bool:
    """Whether *actual* is *expected*, where an ellipsis stands for any text, lines included."""
    pattern = ".*".join(map(re.escape, expected.rstrip("\n").split(ELLIPSIS)))
    return re.fullmatch(pattern, actual.rstrip("\n"), re.DOTALL) is not None


def test_the_ellipsis_stands_for_anything_and_nothing_else_does() -> None:
    assert matches("a\n…\nd", "a\nb\nc\nd")
    assert not matches("a\n…\nd", "a\nb\nc")
    assert not matches("a.c", "abc")


def test_there_is_something_to_run() -> None:
    assert {where for where, _, _ in console_blocks()} >= {"README.md", "json.md"}


@pytest.mark.real
@pytest.mark.usefixtures("own_network")  # nothing listens on the ports that they speak of
@pytest.mark.parametrize(
    ("where", "command", "expected"), [pytest.param(*b, id=b[1][:40]) for b in console_blocks()]
)
def test_commands_print_what_the_document_shows(
    where: str, command: str, expected: str, tmp_path: Path
) -> None:
    need_program("bash")
    environ = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "NO_COLOR": "1",
        "COLUMNS": "80",
    }
    done = subprocess.run(
        ["bash", "-c", command],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environ,
        check=False,
    )
    assert matches(expected, done.stdout + done.stderr), done.stdout + done.stderr


def test_the_readme_starts_with_the_two_commands_of_the_makefile() -> None:
    readme = (ROOT / "README.md").read_text()
    for command in ("make run", "make test"):
        assert command in readme
        target = command.split()[1]
        assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


@pytest.mark.real
def test_make_run_answers_for_port_305() -> None:
    need_program("make")
    need((ROOT / ".venv" / ".ready").exists(), "make has set nothing up")
    # Under make itself, make says which directory it enters.
    command = ["make", "--no-print-directory", "run"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    assert lines[0].startswith("305 is unassigned")
    assert any("in the gap 301–307" in line for line in lines)
    assert lines[-1].endswith("More: portbook 305 --full")


def test_the_table_of_findings_is_the_one_in_the_code() -> None:
    text = (ROOT / "docs" / "verdict.md").read_text()
    table = text.partition("<!-- rules -->")[2].partition("<!-- end -->")[0]
    rows = re.findall(r"^\| `([a-z-]+)` \| (\w+) \| (.*) \|$", table, re.MULTILINE)
    assert rows == [(rule.code, rule.level.value, rule.when) for rule in RULES]


def test_the_table_of_facts_is_the_one_in_the_code() -> None:
    text = (ROOT / "docs" / "verdict.md").read_text()
    table = text.partition("<!-- facts -->")[2].partition("<!-- end -->")[0]
    rows = re.findall(r"^\| `([a-z-]+)` \| (.*) \|$", table, re.MULTILINE)
    assert [(code, tuple(re.findall(r"`(\w+)`", names))) for code, names in rows] == [
        (rule.code, tuple([name for group in rule.carries for name in GROUPS[group].names]))
        for rule in RULES
        if rule.carries
    ]


def test_the_table_of_fields_is_the_one_in_the_code() -> None:
    text = (ROOT / "docs" / "machine.md").read_text()
    table = text.partition("<!-- fields -->")[2].partition("<!-- end -->")[0]
    assert dict(re.findall(r"^\| `([a-z]+)` \| (.*) \|$", table, re.MULTILINE)) == FIELDS


def test_the_table_of_causes_is_the_one_in_the_code() -> None:
    text = (ROOT / "docs" / "machine.md").read_text()
    table = text.partition("<!-- causes -->")[2].partition("<!-- end -->")[0]
    assert dict(re.findall(r"^\| `([a-z-]+)` \| (.*) \|$", table, re.MULTILINE)) == CODES


def test_the_table_of_formats_is_the_one_in_the_code() -> None:
    text = (ROOT / "docs" / "explain.md").read_text()
    table = text.partition("<!-- formats -->")[2].partition("<!-- end -->")[0]
    rows = re.findall(r"^\| `([a-z-]+)` \| (.*) \|$", table, re.MULTILINE)
    assert rows == [(name, form.title) for name, form in FORMATS.items()]


def test_each_example_is_read_as_its_format_and_as_what_is_shown() -> None:
    found = examples("explain.md")
    assert [(name, title) for name, title, *_ in found] == [
        (name, form.title) for name, form in FORMATS.items()
    ]
    for name, _, example, shown in found:
        answer = explain([example.encode()], Filter(), CATALOG)
        assert (answer.format, answer.not_understood) == (name, ())
        sockets = {each.socket.name: each.ownership.owners for each in answer.sockets}
        words = []
        for socket, owners in sockets.items():
            names = [owner.program or owner.container_name for owner in owners]
            words.append(f"`{socket}`" + "".join(f" ({name})" for name in names if name))
        assert sorted(shown.split(", ")) == sorted(words), name


def test_the_table_of_criteria_is_the_one_in_the_code() -> None:
    text = (ROOT / "docs" / "pick.md").read_text()
    table = text.partition("<!-- criteria -->")[2].partition("<!-- end -->")[0]
    assert dict(re.findall(r"^\| `([a-z-]+)` \| (.*) \|$", table, re.MULTILINE)) == CRITERIA


@pytest.mark.parametrize(("name", "held"), [("refusals", REFUSALS), ("outcomes", OUTCOMES)])
def test_the_tables_of_stop_are_those_in_the_code(name: str, held: dict[str, str]) -> None:
    text = (ROOT / "docs" / "stop.md").read_text()
    table = text.partition(f"<!-- {name} -->")[2].partition("<!-- end -->")[0]
    assert dict(re.findall(r"^\| `([a-z-]+)` \| (.*) \|$", table, re.MULTILINE)) == held


def test_every_command_and_option_is_in_the_readme_or_the_docs(
    capsys: pytest.CaptureFixture[str],
) -> None:
    everything = "".join(path.read_text() for path in DOCUMENTS)
    options = set()
    for name in COMMANDS:
        assert run([name, "--help"]) == 0
        said = capsys.readouterr().out
        options.update(re.findall(r"--[a-z][a-z-]+", said))
        assert f"portbook {name}" in everything, name
        assert f"portbook show {name}" in said
    assert {"--help", "--format", "--against"} <= options
    assert {option for option in options if option not in everything} <= {"--help"}


def test_links_between_documents_lead_somewhere() -> None:
    targets = [
        (path, target)
        for path in (*DOCUMENTS, ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md")
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", path.read_text())
    ]
    assert len(targets) > 20
    for path, target in targets:
        assert (path.parent / target).exists(), f"{path.name}: {target}"


def test_no_document_or_source_names_this_machine_or_a_package_index() -> None:
    listed = subprocess.run(
        [need_program("git"), "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    need(listed.returncode == 0, "this is no git checkout")
    hosts = "|".join(("py" + r"pi\.org", "python" + "hosted", "npm" + r"js\.(org|com)"))
    names = listed.stdout.splitlines()
    assert len(names) > 300
    for name in names:
        path = ROOT / name
        if path.suffix in (".tsv", ".png") or not path.is_file():
            continue
        assert not re.search(hosts, path.read_text(errors="replace")), name


def test_the_tables_of_keys_are_those_of_the_code() -> None:
    assert build_json_docs.main(["--check"]) == 0


def test_the_tables_of_keys_have_every_schema_that_the_document_names() -> None:
    text = (ROOT / "docs" / "json.md").read_text(encoding="utf-8")
    above, _, below = text.partition(build_json_docs.TITLE)
    named = set(re.findall(r"`(portbook/[a-z-]+/1)`", above))
    described = set(re.findall(r"^### `(portbook/[a-z-]+/1)`$", below, re.MULTILINE))
    assert named == described


API = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")


@pytest.mark.real
@pytest.mark.usefixtures("own_network")  # nothing listens on the ports that they speak of
def test_the_examples_of_the_library_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    need_module("duckdb", "ibis")
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```python\n(.*?)^```", API, re.DOTALL | re.MULTILINE)
    examples = doctest.DocTestParser().get_doctest("".join(blocks), {}, "api.md", None, 0)
    assert len(examples.examples) > 30
    result = doctest.DocTestRunner().run(examples)
    assert not result.failed, capsys.readouterr().out


def test_every_public_name_is_documented() -> None:
    functions = {
        match[1]: match[2] for match in re.finditer(r"^### `(\w+)(\(.*\))`$", API, re.MULTILINE)
    }
    values = re.findall(r"^\| `(\w+)` \|", API, re.MULTILINE)
    assert sorted([*functions, *values]) == sorted(portbook.__all__)
    for name, told in functions.items():
        signature = inspect.signature(getattr(portbook, name))
        bare = [each.replace(annotation=each.empty) for each in signature.parameters.values()]
        assert str(inspect.Signature(bare)) == told, name
