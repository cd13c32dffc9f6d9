"""The directive ``printed``: what an example printed, as tables and lines of text.

Examples print for a terminal, in columns that spaces keep apart. Such lines are cut on
a phone, where a table finds room. The text itself is kept in ``docs/results``.
"""

import re
from itertools import groupby
from pathlib import Path

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

# Words with one space between them, or an array.
CELL = re.compile(r"\[[^]]*\]|[^\s[]+(?: [^\s[]+)*")
PLUS_MINUS = re.compile(r" *\+- *")
NUMBER = re.compile(r"[-+(\[]*\d")


class Printed(SphinxDirective):
    """Show a file of ``docs/results``, by its name without the ending."""

    required_arguments = 1

    def run(self):
        """Read the file and make a node of each block."""
        path = Path(self.env.srcdir, "results", f"{self.arguments[0]}.txt")
        self.env.note_dependency(path)
        return to_nodes(path.read_text())


def to_nodes(text):
    """Make tables of lines in columns, and line blocks of the others."""
    paragraphs = re.split(r"\n{2,}", text.strip("\n"))
    if paragraphs[-1].startswith("The picture"):  # they are on the page
        paragraphs.pop()
    return [
        _to_node(list(lines), in_columns)
        for paragraph in paragraphs
        for in_columns, lines in groupby(paragraph.splitlines(), _is_in_columns)
    ]


def _to_node(lines, in_columns):
    if not in_columns:
        return nodes.line_block("", *(nodes.line("", line.strip()) for line in lines))
    columns = _find_columns(lines)
    if len(columns) < 2:
        return nodes.literal_block("", "\n".join(lines))
    return _table([_split(line, columns) for line in lines])


def _is_in_columns(line):
    return len(_spans(line)) > 1


def _find_columns(lines):
    """Find the spans of the columns: what stands below each other or below one name."""
    names = _spans(lines[0])
    are_names = not any(NUMBER.match(lines[0], start) for start, _ in names)
    columns = _join(span for line in lines[are_names:] for span in _spans(line))

    def name_of(column):
        nearest = max(names, key=lambda name: _overlap(name, column))
        return nearest if _overlap(nearest, column) > 0 else column

    named = [list(group) for _, group in groupby(columns, name_of)]
    return [(group[0][0], group[-1][1]) for group in named]


def _join(spans):
    """Make one of spans that overlap."""
    joined = []
    for start, end in sorted(spans):
        if joined and start < joined[-1][1]:
            joined[-1] = joined[-1][0], max(end, joined[-1][1])
        else:
            joined.append((start, end))
    return joined


def _split(line, columns):
    """Give each column the cells of a line that lie most below it."""
    cells = [[] for _ in columns]
    for start, end in _spans(line):
        overlaps = [_overlap((start, end), column) for column in columns]
        cells[overlaps.index(max(overlaps))].append(line[start:end])
    unbroken = "\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}"
    return [PLUS_MINUS.sub(unbroken, " ".join(parts)) for parts in cells]


def _spans(line):
    return [cell.span() for cell in CELL.finditer(line)]


def _overlap(one, other):
    return min(one[1], other[1]) - max(one[0], other[0])


def _table(rows):
    body = rows[_has_header(rows) :]
    numeric = [any(map(NUMBER.match, column)) for column in zip(*body, strict=True)]
    group = nodes.tgroup("", *(nodes.colspec() for _ in numeric), cols=len(numeric))
    if len(body) < len(rows):
        group += nodes.thead("", _row(rows[0], numeric))
    group += nodes.tbody("", *(_row(row, numeric) for row in body))
    return nodes.table("", group, classes=["printed"])


def _has_header(rows):
    """Say whether the first row names a column of numbers."""
    return len(rows) > 1 and any(
        name and not NUMBER.match(name) and all(map(NUMBER.match, numbers))
        for name, *numbers in zip(*rows, strict=True)
    )


def _row(cells, numeric):
    return nodes.row(
        "",
        *(
            nodes.entry("", nodes.paragraph("", cell), classes=["number"] * is_number)
            for cell, is_number in zip(cells, numeric, strict=True)
        ),
    )


def setup(app):
    """Give Sphinx the directive."""
    app.add_directive("printed", Printed)
    return {"parallel_read_safe": True}
