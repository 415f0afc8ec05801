"""What grading found out: points by part, and for each case whether it passed and what to say about it.

A result is plain data. Everything in it may be shown to the student: messages of hidden cases hold no numbers.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field


@dataclass(frozen=True)
class CaseResult:
    """One case of one part. `message` is plain text; it is empty where there is nothing to say."""

    name: str
    hidden: bool
    passed: bool
    message: str = ""


@dataclass(frozen=True)
class PartResult:
    """Points for one part: `points` can be had, `earned` were earned. `message` speaks of the part as a whole."""

    name: str
    points: float
    earned: float
    cases: list[CaseResult]
    message: str = ""


@dataclass(frozen=True)
class Result:
    """One graded submission. `notes`: forbidden names that were found, a time limit that was hit, output that was cut."""

    assignment: str
    student: str
    seed: int
    parts: list[PartResult]
    notes: list[str] = field(default_factory=list)

    @property
    def earned(self) -> float:
        """All points that were earned, to a hundredth."""
        return round(sum(part.earned for part in self.parts), 2)

    @property
    def points(self) -> float:
        """All points that can be had."""
        return round(sum(part.points for part in self.parts), 2)

    def to_json(self) -> str:
        """The result as JSON text, with the sums in front."""
        return json.dumps({"earned": self.earned, "points": self.points, **asdict(self)}, indent=2, ensure_ascii=False)

    @staticmethod
    def from_json(text: str) -> Result:
        """A result out of what `to_json` wrote. Raises KeyError, TypeError or ValueError for other text."""
        data = json.loads(text)
        parts = [
            PartResult(**{**part, "cases": [CaseResult(**case) for case in part["cases"]]}) for part in data["parts"]
        ]
        return Result(data["assignment"], data["student"], data["seed"], parts, data["notes"])
