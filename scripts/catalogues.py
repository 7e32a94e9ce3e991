"""The catalogues: which texts a person may read, and whether each has its translation.

    python scripts/catalogues.py update    add new messages to the .po files, drop unused ones
    python scripts/catalogues.py compile   write .mo files (a saving of start-up time, no more)
    python scripts/catalogues.py check     fail if a .po is out of date or lacks a translation

Messages are found where they are written, without marks: docstrings and texts of the error
classes (``VazaoError`` and whatever derives from it), arguments of ``translate`` and ``_``, labels
and titles of what is registered, ``Note("…")``, constants named in ``CONSTANTS``, and ``_()`` and
``{% trans %}`` of the templates. Line numbers are left out of the .po files, so that moving code
changes nothing there.
"""

from __future__ import annotations

import ast
import io
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from babel.messages import Catalog
from babel.messages.extract import extract_from_file
from babel.messages.pofile import read_po, write_po

from vazao.kit.i18n import LANGUAGES, LOCALE_DIR, compiled_catalogue

PACKAGE = LOCALE_DIR.parent
MARKS = frozenset({"translate", "_", "gettext", "N_"})
# What is registered, and which of its arguments is the text.
LABELLED = {
    "MenuEntry": 0, "Figure": 0, "DropTarget": 0, "DemoStep": 0, "Note": 0, "Kind": 1, "tick": 0,
    "say": 0, "Quota": 1, "of_files": 1, "Retention": 0, "NoticeType": 1,
    "go_on": 2, "FirstStep": 0, "Recent": 0, "Finding": 0,
    "Place": 0, "add_scope": 1,
}
CONSTANTS = frozenset({"REASONS", "REMEDIES", "LABELS", "MESSAGES", "TEXTS", "DONE"})
CLASS_TEXTS = frozenset({"cure", "remedy", "template"})
TOLD = frozenset({"remedy", "template", "label", "title", "frees", "help"})
NOTHING: Mapping[str, str] = MappingProxyType({})
UNWANTED = re.compile(
    rb'^"(POT-Creation-Date|PO-Revision-Date|Generated-By|Last-Translator|Language-Team|'
    rb'Project-Id-Version|Report-Msgid-Bugs-To): .*\n', re.MULTILINE
)
PLACE = re.compile(r"%\((\w+)\)[sdf]|\{(\w*)[^{}]*\}")


def texts(node: ast.AST | None, known: Mapping[str, str] = NOTHING) -> Iterator[str]:
    """The texts that *node* may evaluate to: itself, a choice, a container of them, a sum.

    Args:
        known: constants of modules by name.
    """
    if (whole := text_of(node, known)) is not None:
        yield whole
    elif isinstance(node, ast.IfExp):
        yield from texts(node.body, known)
        yield from texts(node.orelse, known)
    elif isinstance(node, ast.Tuple | ast.List | ast.Set):
        for item in node.elts:
            yield from texts(item, known)
    elif isinstance(node, ast.Dict | ast.BoolOp):
        for item in node.values:
            yield from texts(item, known)


def text_of(node: ast.AST | None, known: Mapping[str, str] = NOTHING) -> str | None:
    """The one text that *node* is: a literal, a constant's name, or a sum of such."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = text_of(node.left, known), text_of(node.right, known)
        return None if left is None or right is None else left + right
    return known.get(node.id) if isinstance(node, ast.Name) else None


def text_constants(trees: Iterable[ast.Module]) -> dict[str, str]:
    """Constants of modules (in capitals) that are texts, by name."""
    found: dict[str, str] = {}
    for node in (node for tree in trees for node in tree.body if isinstance(node, ast.Assign)):
        text = text_of(node.value, found)
        for name in map(name_of, node.targets):
            if text is not None and name.isupper():
                found[name] = text
    return found


def name_of(node: ast.AST) -> str:
    """The last name of ``a.b.C`` or ``C``; empty for anything else."""
    return node.id if isinstance(node, ast.Name) else getattr(node, "attr", "")


def error_names(trees: Iterable[ast.Module]) -> frozenset[str]:
    """The names of all classes that derive from ``VazaoError``, however far."""
    bases = [
        (node.name, {name_of(base) for base in node.bases})
        for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef)
    ]
    known = {"VazaoError"}
    while found := {name for name, parents in bases if parents & known} - known:
        known |= found
    return frozenset(known)


class Finder(ast.NodeVisitor):
    """Collects the messages of one module into ``found``."""

    def __init__(self, errors: frozenset[str], known: Mapping[str, str] = NOTHING) -> None:
        self.errors = errors
        self.known = known
        self.found: list[str] = []
        self._inside_error = False

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        """An error's docstring is its default message; ``cure`` and the like follow it."""
        outer, self._inside_error = self._inside_error, node.name in self.errors
        if self._inside_error:
            summary = (ast.get_docstring(node) or "").partition("\n\n")[0]
            self.found.append(" ".join(summary.split()))
        self.generic_visit(node)
        self._inside_error = outer

    def visit_Assign(self, node: ast.Assign) -> None:
        """``cure = …`` of an error class, or a constant full of texts."""
        self._assigned({name_of(target) for target in node.targets}, node.value)
        self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        """The same with an annotation."""
        self._assigned({name_of(node.target)}, node.value)
        self.generic_visit(node)

    def _assigned(self, names: set[str], value: ast.AST | None) -> None:
        if names & CONSTANTS or (self._inside_error and names & CLASS_TEXTS):
            self.found.extend(texts(value, self.known))

    def visit_Call(self, node: ast.Call) -> None:
        """``translate("…")``, ``NotFound("…", remedy="…")``, ``MenuEntry("…", …)``."""
        name = name_of(node.func)
        own = self._inside_error and name == "__init__"
        if name in MARKS or name in LABELLED or name in self.errors or own:
            place = LABELLED.get(name, 0)
            told = node.args[place] if len(node.args) > place else None
            self.found.extend(texts(told, self.known))
            for keyword in node.keywords:
                if keyword.arg in TOLD or (name == "Finding" and keyword.arg == "message"):
                    self.found.extend(texts(keyword.value, self.known))
        self.generic_visit(node)


def extract(package: Path = PACKAGE) -> dict[str, set[str]]:
    """Every message of *package*, with the files (relative to its parent) that hold it."""
    found: dict[str, set[str]] = defaultdict(set)
    trees = {path: ast.parse(path.read_bytes()) for path in sorted(package.rglob("*.py"))}
    errors, constants = error_names(trees.values()), text_constants(trees.values())
    for path, tree in trees.items():
        finder = Finder(errors, constants | text_constants([tree]))
        finder.visit(tree)
        for text in finder.found:
            found[text].add(path.relative_to(package.parent).as_posix())
    for path in sorted(package.rglob("templates/**/*.html")):
        options = {"newstyle_gettext": "true", "silent": "false",
                   "trim_blocks": "true", "lstrip_blocks": "true"}
        for _, message, _, _ in extract_from_file("jinja2", path, options=options):
            for text in (message if isinstance(message, tuple) else (message,)):
                found[text].add(path.relative_to(package.parent).as_posix())
    found.pop("", None)
    return dict(found)


def po_file(language: str) -> Path:
    """Where the catalogue of *language* lies."""
    return LOCALE_DIR / language / "LC_MESSAGES" / "vazao.po"


def read(language: str) -> Catalog:
    """The catalogue of *language* as it is; empty if there is none yet."""
    path = po_file(language)
    if not path.exists():
        return Catalog(locale=language)
    with path.open("rb") as stream:
        return read_po(stream, locale=language)


def updated(language: str, messages: dict[str, set[str]]) -> bytes:
    """The text of the ``.po`` file with exactly *messages*, translations kept."""
    old = read(language)
    fresh = Catalog(
        locale=language, project="vazao", header_comment="# Portuguese of Brazil.\n# Made by "
        "scripts/catalogues.py: messages come from the code, translations are written here.",
        fuzzy=False,
    )
    for text, files in sorted(messages.items(), key=lambda item: (min(item[1]), item[0])):
        before = old.get(text)
        fresh.add(
            text, before.string if before else "", locations=[(name, 0) for name in sorted(files)],
            flags={"fuzzy"} if before and before.fuzzy else (),
        )
    made = io.BytesIO()
    write_po(made, fresh, width=100, include_lineno=False)
    return UNWANTED.sub(b"", made.getvalue())


def faults(language: str, messages: dict[str, set[str]]) -> list[str]:
    """What is wrong with the catalogue of *language*, a line each."""
    path = po_file(language)
    found = []
    if not path.exists() or path.read_bytes() != updated(language, messages):
        found.append(f"{path.name}: out of date; run: python scripts/catalogues.py update")
    catalogue = read(language)
    for text in sorted(messages):
        message = catalogue.get(text)
        if message is None or not message.string or message.fuzzy:
            found.append(f"no translation: {text!r}")
        elif places(text) != places(str(message.string)):
            found.append(f"places differ: {text!r} and {message.string!r}")
    return found


def places(text: str) -> set[str]:
    """The named places of a message, ``{this}`` or ``%(this)s``."""
    return {match[1] or match[2] for match in PLACE.finditer(text)}


def main(arguments: list[str]) -> int:
    """Do what the command line asks; the exit code."""
    command = arguments[0] if arguments else "check"
    messages = extract()
    problems: list[str] = []
    for language in (name for name in LANGUAGES if name != "en"):
        path = po_file(language)
        if command == "update":
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(updated(language, messages))
        elif command == "compile":
            path.with_suffix(".mo").write_bytes(compiled_catalogue(path))
        elif command == "check":
            problems += faults(language, messages)
        else:
            problems.append(f"unknown command {command!r}: update, compile or check")
    for line in problems:
        sys.stderr.write(line + "\n")
    return 1 if problems else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
