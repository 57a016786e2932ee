"""Beauty is lost in the tail: no file, function, template or interface of ours grows past what one can hold in mind."""

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path

from hosts.virt.driver import Driver

ROOT = Path(__file__).parents[2]
OURS = ("hosts", "datacenter", "deploy", "tests")

#: file -> lines, with the reason; an entry that is no longer needed fails too
LONG_FILES: dict[str, int] = {}
MOST_LINES = 400
MOST_FUNCTION_LINES = 50
MOST_TEMPLATE_LINES = 60
MOST_DRIVER_METHODS = 20


def python_files() -> list[Path]:
    return [
        path
        for name in OURS
        for path in sorted((ROOT / name).rglob("*.py"))
        if path.parent.name != "migrations" and "__pycache__" not in path.parts
    ]


def front_files() -> list[Path]:
    return [path for path in sorted((ROOT / "static").rglob("*.[jc]s*")) if "vendor" not in path.parts]


def functions(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, (node.end_lineno or node.lineno) - node.lineno + 1


def test_it_finds_what_it_measures() -> None:
    assert len(python_files()) > 100
    assert len(front_files()) > 3


def test_no_file_is_longer_than_one_concept() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in python_files() + front_files()
        if (lines := len(path.read_text().splitlines())) > MOST_LINES
    }
    assert set(long) == set(LONG_FILES), f"over {MOST_LINES} lines: {long}"


def test_no_function_is_longer_than_a_screen() -> None:
    long = [
        f"{path.relative_to(ROOT)}: {name} has {lines} lines"
        for path in python_files()
        for name, lines in functions(path)
        if lines > MOST_FUNCTION_LINES
    ]
    assert long == []


def test_no_template_is_longer_than_a_screen() -> None:
    templates = sorted((ROOT / "templates").rglob("*.html"))
    long = [str(each) for each in templates if len(each.read_text().splitlines()) > MOST_TEMPLATE_LINES]
    assert templates
    assert long == []


def test_the_interface_to_the_hypervisor_stays_narrow() -> None:
    methods = [name for name, each in inspect.getmembers(Driver, inspect.isfunction) if not name.startswith("_")]
    assert 10 < len(methods) <= MOST_DRIVER_METHODS


def test_only_the_clock_reads_or_waits_for_time() -> None:
    clocks = {"time.time", "time.sleep", "time.monotonic"}
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in python_files()
        if path.relative_to(ROOT).parts[0] in ("hosts", "datacenter") and path.name != "clock.py"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and ast.unparse(node) in clocks
    ]
    assert found == []
