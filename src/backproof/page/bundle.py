"""ES modules as one script: each becomes a function of its own that returns what it exports.

A page that loads nothing cannot import its modules either, so they are put into one script in the order in which they
need each other. Their files stay modules, and run as such in tests.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from graphlib import CycleError, TopologicalSorter

from backproof.errors import BackproofError

IMPORT = re.compile(r'^import \{([^}]*)\} from "\./([\w-]+)\.js";\n', re.MULTILINE)
EXPORT = re.compile(r"^export (?=(?:async )?function|const|let|class)", re.MULTILINE)
EXPORTED = re.compile(r"^export (?:async function|function\*?|const|let|class) (\w+)", re.MULTILINE)


def bundled(entry: str, read: Callable[[str], str]) -> str:
    """The module and all that it imports, as one script.

    Args:
        entry: the name of the module that starts, without its suffix.
        read: gives the text of a module.

    Raises:
        BackproofError: modules that import each other in a circle.

    Example:
        >>> files = {
        ...     "main": 'import { two } from "./two.js";\\nexport const four = two * two;\\n',
        ...     "two": "export const two = 2;\\n",
        ... }
        >>> print(bundled("main", files.__getitem__))
        "use strict";
        const two_js = (() => {
        const two = 2;
        return { two };
        })();
        const main_js = (() => {
        const { two } = two_js;
        const four = two * two;
        return { four };
        })();
        <BLANKLINE>
    """
    texts: dict[str, str] = {}
    waiting = [entry]
    while waiting:
        name = waiting.pop()
        if name not in texts:
            texts[name] = read(name)
            waiting += [needed for _, needed in IMPORT.findall(texts[name])]
    graph = {name: {needed for _, needed in IMPORT.findall(text)} for name, text in texts.items()}
    try:
        order = list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        raise BackproofError(f"modules of the page import each other: {' <- '.join(error.args[1])}") from error
    return '"use strict";\n' + "".join(_function(name, texts[name]) for name in order)


def _function(name: str, text: str) -> str:
    exported = ", ".join(EXPORTED.findall(text))

    def taken(match: re.Match[str]) -> str:
        names = " ".join(match[1].replace(" as ", ": ").split())
        return f"const {{ {names.rstrip(',')} }} = {identifier(match[2])};\n"

    body = EXPORT.sub("", IMPORT.sub(taken, text)).rstrip("\n")
    return f"const {identifier(name)} = (() => {{\n{body}\nreturn {{ {exported} }};\n}})();\n"


def identifier(name: str) -> str:
    """What a module is called in the script."""
    return f"{name.replace('-', '_')}_js"
