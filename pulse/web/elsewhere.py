"""What is in another of the person's teams: a link in a notification leads to it, whichever team they look at."""

from collections.abc import Callable
from typing import NoReturn, TypeVar

from flask import Response, abort, make_response, render_template, request

from pulse.htmx import wants_fragment
from pulse.models.team import Team
from pulse.problems import Problem
from pulse.web import visits

T = TypeVar("T")


def found(noun: str, find: Callable[[int], T | None]) -> T:
    """Return what `find` finds in the team that is looked at, by its id.

    Else answer in which other team of the person's it is, to whoever only asked to see it; to all others it is not found.
    """
    return find(visits.team().id) or _miss(noun, find)


def _miss(noun: str, find: Callable[[int], object]) -> NoReturn:
    if request.method not in ("GET", "HEAD"):
        abort(404)
    owner = next((each for each in visits.teams() if find(each.id) is not None), None)
    abort(404 if owner is None else pointer(noun, owner))


def pointer(noun: str, owner: Team) -> Response:
    """Return the page that leads to another team; nothing is switched before its button is pressed."""
    told = f"This {noun} belongs to your team {owner.name}."
    if wants_fragment():
        raise Problem("not_found", f"{told} Switch to that team, then open it again.")
    return make_response(render_template("elsewhere.html", told=told, owner=owner, next=request.full_path.rstrip("?")))
