"""What every HTML page of ours is made with: templates that escape, and a policy that lets nothing in from outside."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from functools import cache
from importlib.resources import files

from jinja2 import Environment, FunctionLoader, StrictUndefined, Template
from markupsafe import Markup

from backproof.render.html_blocks import clean


@cache
def template(package: str, name: str) -> Template:
    """The template of that name in a package's folder ``templates``; what is put in is cleaned and escaped."""

    def read(wanted: str) -> str:
        return resource(package, "templates", wanted)

    environment = Environment(
        loader=FunctionLoader(read),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_cleaned,
    )
    return environment.get_template(name)


@cache
def resource(package: str, *path: str) -> str:
    """The text of a file that comes with a package."""
    return files(package).joinpath(*path).read_text(encoding="utf-8")


def _cleaned(value: object) -> object:
    return clean(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def policy(scripts: Iterable[str], *, workers: bool = False) -> str:
    """The content security policy: nothing from outside, and no script but these, known by their digests.

    Args:
        scripts: the texts of the page's scripts.
        workers: whether they may start workers, and draw pictures, from what they have made themselves.
    """
    digests = (base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts)
    allowed = " ".join(f"'sha256-{digest}'" for digest in digests)
    made = ("worker-src blob:; ", " blob:") if workers else ("", "")
    return (
        f"default-src 'none'; script-src {allowed}; {made[0]}style-src 'unsafe-inline'; font-src data:; "
        f"img-src data:{made[1]}; base-uri 'none'; form-action 'none'"
    )
