"""From a matplotlib figure to an SVG that may stand many times in one page.

Whatever would differ between runs or clash between figures goes: metadata, document type, the global style, ids that
nothing refers to; the others are numbered under the figure's key. Placeholder colours become classes, coordinates
lose the digits nobody sees, and a title and a description come first.
"""

from __future__ import annotations

import io
import re
import warnings
from xml.etree import ElementTree as ET

from matplotlib.figure import Figure

from abgap.report.charts.canvas import FONT_SIZE, PLACEHOLDERS
from abgap.report.charts.paths import leaner
from abgap.report.text import one_line

_SVG = "{http://www.w3.org/2000/svg}"
_HREF = "{http://www.w3.org/1999/xlink}href"
_NUMBER = re.compile(r"-?\d+\.\d+(?:e-?\d+)?")
_COMMAND = re.compile(r" ?([A-Za-z]) (?=[-.\d])")
_ROTATION = re.compile(r"rotate\(-?0(?:\.0+)? ")
_CLASSES = {placeholder: name for name, placeholder in PLACEHOLDERS.items()}
# What every element of ours is anyway; the stylesheet of the report says it once.
_DROPPED_STYLES = {"stroke-linejoin", "stroke-linecap", "font-family"}
_DEFAULTS = {
    (f"{_SVG}path", "fill", "none"),
    (f"{_SVG}text", "fill", PLACEHOLDERS["muted"]),
    (f"{_SVG}text", "text-anchor", "start"),
}
_DROPPED_ATTRIBUTES = {"clip-path"}


def inline_svg(figure: Figure, *, key: str, title: str, alt: str) -> str:
    """The figure as one ``<svg>`` element. key: unique in the page; alt: the picture in words."""
    buffer = io.StringIO()
    with warnings.catch_warnings():
        # The reader's browser has the glyphs that matplotlib's own font lacks.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    root = ET.fromstring(buffer.getvalue())  # noqa: S314 - matplotlib wrote it a moment ago
    _strip(root)
    _rename(root, key)
    for element in root.iter():
        _simplify(element)
    _flatten(root)
    _head(root, key=key, title=title, alt=alt)
    for element in root.iter():
        element.tag = element.tag.removeprefix(_SVG)
        element.tail = None
    return ET.tostring(root, encoding="unicode").replace(" />", "/>")


def _strip(root: ET.Element) -> None:
    """Remove metadata, the global style, clip paths, and whitespace between elements."""
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in {f"{_SVG}metadata", f"{_SVG}style", f"{_SVG}clipPath"}:
                parent.remove(child)
    for element in root.iter():
        if element.text is not None and not element.text.strip():
            element.text = None


def _rename(root: ET.Element, key: str) -> None:
    """Number the ids that something refers to; drop the others."""
    used = {element.get(_HREF, "").removeprefix("#") for element in root.iter()}
    names: dict[str | None, str] = {}
    for element in root.iter():
        old = element.attrib.pop("id", None)
        if old in used:
            names[old] = f"{key}-{len(names)}"
            element.set("id", names[old])
    for element in root.iter():
        if reference := element.attrib.pop(_HREF, None):
            element.set("href", f"#{names[reference.removeprefix('#')]}")


def _simplify(element: ET.Element) -> None:
    for name in _DROPPED_ATTRIBUTES & set(element.attrib):
        del element.attrib[name]
    _restyle(element, element.attrib.pop("style", ""))
    for name in ("d", "x", "y", "width", "height", "transform", "points"):
        if value := element.get(name):
            element.set(name, _COMMAND.sub(r"\1", " ".join(_NUMBER.sub(_rounded, value).split())))
    if path := element.get("d"):
        element.set("d", leaner(path))
    if _ROTATION.match(element.get("transform", "")):
        del element.attrib["transform"]


def _restyle(element: ET.Element, style: str) -> None:
    """A style becomes classes for colours and plain attributes for the rest."""
    classes = []
    for declaration in filter(None, (part.strip() for part in style.split(";"))):
        name, _, value = (part.strip() for part in declaration.partition(":"))
        if name in _DROPPED_STYLES or (name == "font-size" and value == f"{FONT_SIZE:g}px"):
            continue
        if (element.tag, name, value) in _DEFAULTS:
            continue
        if value in _CLASSES and name in {"fill", "stroke"}:
            classes.append(f"{name[0]}-{_CLASSES[value]}")
        else:
            element.set(name, _NUMBER.sub(_rounded, value))
    if classes:
        element.set("class", " ".join(classes))


def _rounded(match: re.Match[str]) -> str:
    text = f"{float(match.group()):.1f}".removesuffix(".0")
    return "0" if text == "-0" else text.replace("0.", ".", 1) if text.startswith(("0.", "-0.")) else text


def _flatten(parent: ET.Element) -> None:
    """Groups that say nothing give way to what is in them; what draws nothing goes."""
    children: list[ET.Element] = []
    for child in parent:
        _flatten(child)
        if (
            child.tag in {f"{_SVG}g", f"{_SVG}defs"}
            and not child.attrib
            and (child.tag.endswith("g") or not len(child))
        ):
            children.extend(child)
        elif not _invisible(child):
            children.append(child)
    parent[:] = children


def _invisible(element: ET.Element) -> bool:
    return element.tag == f"{_SVG}path" and "class" not in element.attrib and "id" not in element.attrib


def _head(root: ET.Element, *, key: str, title: str, alt: str) -> None:
    view_box = root.get("viewBox", "")
    root.attrib.clear()
    root.set("class", "chart")
    root.set("viewBox", view_box)
    root.set("role", "img")
    root.set("aria-labelledby", f"{key}-title {key}-desc")
    heads = [("title", title), ("desc", alt)]
    for place, (tag, text) in enumerate(heads):
        head = ET.Element(f"{_SVG}{tag}", {"id": f"{key}-{tag}"})
        head.text = one_line(text)
        root.insert(place, head)
