"""The data card of a prepared dataset: what it holds, as Markdown."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from preprocessing import splits
from preprocessing.quality.check import CheckReport


def render(report: CheckReport) -> str:
    """Returns a page that helps to decide what the dataset is good for.

    It gives the findings of a check, for a damaged dataset as far as it could be read. It depends
    only on the folder's content, so two cards can be compared.
    """
    name = report.facts.get("manifest", {}).get("dataset", report.path.name)
    lines = [f"# {_cell(name)}", ""]
    for title, write in _SECTIONS.items():
        if body := list(write(report)):
            lines += [f"## {title}", "", *body, ""]
    return "\n".join(lines)


def _errors(report: CheckReport) -> Iterator[str]:
    if report.errors:
        yield "**Do not use it as it is.**"
        yield ""
    yield from _items(report.errors)


def _content(report: CheckReport) -> Iterator[str]:
    facts, manifest = report.facts, report.facts.get("manifest", {})
    if manifest.get("synthetic"):
        yield "- **synthetic images: for trying things out, not for results**"
    if "shape" in facts:
        number, height, width, channels = facts["shape"]
        kind = {1: "grey", 3: "RGB"}.get(channels, f"{channels} channels")
        yield f"- {number:,} images of {width} x {height} pixels, {kind}"
    if "subjects" in facts:
        yield f"- {facts['subjects']:,} subjects" if facts["subjects"] else "- subjects unknown"
    if "columns" in facts:
        yield f"- columns of the index: {_cell(', '.join(facts['columns']))}"
    if "fingerprint" in facts:
        yield f"- fingerprint `{facts['fingerprint']}`"


def _classes(report: CheckReport) -> Iterator[str]:
    counts = report.facts.get("counts")
    if not counts:
        return
    names = list(next(iter(counts.values())))
    total = ["total"] if len(counts) > 1 else []
    rows = [[name, *(part[name] for part in counts.values())] for name in names]
    rows += [["total", *(sum(part.values()) for part in counts.values())]]
    if total:
        rows = [[*row, sum(row[1:])] for row in rows]
    yield from _table(
        ["class", *(split or ("no split" if total else "images") for split in counts), *total], rows
    )


def _origin(report: CheckReport) -> Iterator[str]:
    manifest = report.facts.get("manifest", {})
    parameters = manifest.get("parameters")
    parameters = dict(parameters) if isinstance(parameters, dict) else {}
    faces = parameters.pop("faces", None)
    if manifest.get("distribution"):
        yield f"- distribution: {_cell(manifest['distribution'])}"
    yield from _settings(parameters)
    if isinstance(faces, dict):
        detector = faces.get("detector")
        yield f"- detector: {_value(detector) if detector else 'none, images as read'}"
        yield from _settings({key: faces[key] for key in faces if key != "detector"})
    if report.facts.get("boxes"):
        yield f"- {report.facts['boxes']:,} images with the box of their face"
    notices = manifest.get("notices")
    yield from _items(notices if isinstance(notices, list) else [])


def _dropped(report: CheckReport) -> Iterator[str]:
    manifest = report.facts.get("manifest", {})
    dropped = manifest.get("dropped")
    if dropped is None or "seen" not in manifest or "used" not in manifest:
        return
    yield _used(manifest)
    if dropped:
        yield ""
        yield from _table(["reason", "dropped"], [[reason, n] for reason, n in dropped.items()])


def _used(manifest: dict[str, Any]) -> str:
    """How many items are used; one photograph may give several faces."""
    items, seen, used = manifest.get("items"), manifest["seen"], manifest["used"]
    if items is None or items == seen:
        return f"{used:,} of {seen:,} are used."
    return f"{items:,} items gave {seen:,} faces and rejections, of which {used:,} are used."


def _quality(report: CheckReport) -> Iterator[str]:
    found = report.facts.get("quality")
    if not found:
        return
    copies = found["duplicates"]
    yield f"- flat images: {found['flat']['images']:,}"
    yield (
        f"- groups of byte-identical images: {copies['groups']:,}, with {copies['surplus']:,} "
        "surplus copies"
    )
    yield f"- of these with conflicting labels: {found['conflicting_labels']['groups']:,}"
    for border, spanning in found["spanning_splits"].items():
        yield f"- of these on both sides of {border}: {spanning['groups']:,}"
    for part, median in found["sharpness"].items():
        yield f"- sharpness of {part or 'all'} (median variance of the Laplacian): {median:,}"


def _splits(report: CheckReport) -> Iterator[str]:
    found = report.facts.get("splits")
    if not found:
        return
    rows = []
    for name, sizes in found.items():
        rows.append([name, _sizes(sizes), splits.get(name).promise])
    yield from _table(["split", "images", "what it guarantees"], rows)


def _sizes(sizes: dict[str, int]) -> str:
    if "folds" in sizes:
        least, most = sizes["least"], sizes["most"]
        each = f"{least:,}" if least == most else f"{least:,} to {most:,}"
        return f"{sizes['folds']} folds of {each}"
    return ", ".join(f"{part} {n:,}" for part, n in sizes.items() if n)


def _versions(report: CheckReport) -> Iterator[str]:
    manifest = report.facts.get("manifest", {})
    if "schema_version" in manifest:
        yield f"- schema {manifest['schema_version']}"
    versions = manifest.get("versions")
    yield from _settings(versions if isinstance(versions, dict) else {})


_SECTIONS: dict[str, Callable[[CheckReport], Iterator[str]]] = {
    "Errors": _errors,
    "Warnings": lambda report: _items(report.warnings),
    "Content": _content,
    "Classes": _classes,
    "Origin": _origin,
    "Left out": _dropped,
    "Quality": _quality,
    "Splits": _splits,
    "Versions": _versions,
}


def _items(texts: Iterable[Any]) -> Iterator[str]:
    return (f"- {_cell(text)}" for text in texts)


def _settings(values: dict[str, Any]) -> Iterator[str]:
    given = {key: value for key, value in values.items() if value is not None}
    return (f"- {_cell(key)}: {_value(value)}" for key, value in given.items())


def _value(value: Any) -> str:
    if isinstance(value, str):
        return _cell(value)
    return _cell(json.dumps(value, ensure_ascii=False))


def _cell(text: Any) -> str:
    """Text that cannot end the line or the cell of a table."""
    return " ".join(str(text).split()).replace("|", "\\|")


def _table(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> Iterator[str]:
    """A Markdown table; whole numbers are right-aligned."""
    texts = [
        [f"{cell:,}" if isinstance(cell, int) else _cell(cell) for cell in row] for row in rows
    ]
    numeric = [all(isinstance(cell, int) for cell in column) for column in zip(*rows, strict=True)]
    yield f"| {' | '.join(map(_cell, header))} |"
    yield f"| {' | '.join('---:' if right else '---' for right in numeric)} |"
    yield from (f"| {' | '.join(row)} |" for row in texts)
