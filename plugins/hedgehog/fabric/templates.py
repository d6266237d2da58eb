"""`${name}` in a change for many fabrics, replaced by the variables of each. Pure.

A string that is only `${name}` becomes the variable itself: a number stays a number. Elsewhere in a string its text is
put in. `$${` is a literal `${`. Whatever else begins with `${` is an error, and so is a variable that a fabric lacks:
nothing is left as it is by mistake.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from hedgehog.errors import InvalidInput
from hedgehog.fabric.near import did_you_mean
from hedgehog.fabric.shown import shown

FABRIC = "fabric"
"""The variable that every fabric has: its name."""
_MARK = re.compile(r"\$(?P<escaped>\$)?\{(?:(?P<name>[A-Za-z_][A-Za-z0-9_]{0,62})\})?")


def filled(template: Any, variables: Mapping[str, Any]) -> Any:
    """*template*, which is plain data, with its variables replaced.

    Raises InvalidInput with a line for each place that has no value, named by its path.
    """
    problems: list[str] = []
    done = _filled(template, variables, "", problems)
    if problems:
        raise InvalidInput("\n".join(dict.fromkeys(problems)))
    return done


def _filled(template: Any, variables: Mapping[str, Any], path: str, problems: list[str]) -> Any:
    if isinstance(template, Mapping):
        return {key: _filled(value, variables, f"{path}.{key}", problems) for key, value in template.items()}
    if isinstance(template, list):
        return [_filled(value, variables, f"{path}[{index}]", problems) for index, value in enumerate(template)]
    return _text(template, variables, path, problems) if isinstance(template, str) else template


def _text(text: str, variables: Mapping[str, Any], path: str, problems: list[str]) -> Any:
    marks = list(_MARK.finditer(text))
    faults = [fault for mark in marks if (fault := _fault(mark, text, variables))]
    if faults:
        problems += [f"{path or '.'}: {fault}" for fault in faults]
        return text
    if len(marks) == 1 and marks[0][0] == text and marks[0]["name"] and not marks[0]["escaped"]:
        return variables[marks[0]["name"]]
    return _MARK.sub(lambda mark: _replacement(mark, variables), text)


def _fault(mark: re.Match[str], text: str, variables: Mapping[str, Any]) -> str:
    if mark["escaped"]:
        return ""
    if mark["name"] is None:
        return f"{shown(text)} has a ${{ that is not a variable; write ${{name}}, or $${{ for a literal one"
    if mark["name"] not in variables:
        hint = did_you_mean(mark["name"], variables, otherwise="set it under `variables` of the fabric's document")
        return f"there is no variable {mark['name']!r}; {hint}"
    return ""


def _replacement(mark: re.Match[str], variables: Mapping[str, Any]) -> str:
    if mark["escaped"]:
        return mark[0][1:]
    value = variables[mark["name"]]
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def names_in(template: Any) -> Iterator[str]:
    """The variables that *template* refers to, as often as it does."""
    if isinstance(template, Mapping):
        for value in template.values():
            yield from names_in(value)
    elif isinstance(template, list):
        for value in template:
            yield from names_in(value)
    elif isinstance(template, str):
        yield from (mark["name"] for mark in _MARK.finditer(template) if mark["name"] and not mark["escaped"])
