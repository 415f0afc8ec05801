"""The result of grading: points by part, and for each case whether it passed, with a message.

A result is plain data. All of it may be shown to the student: messages of hidden cases hold no numbers.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field


@dataclass(frozen=True)
class CaseResult:
    """One case of one part. `message` is plain text, and may be empty."""

    name: str
    hidden: bool
    passed: bool
    message: str = ""


@dataclass(frozen=True)
class PartResult:
    """The points for one part: at most `points`, of which `earned` were earned. `message` is about the part as a whole."""

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
        """The sum of the points that were earned, rounded to a hundredth."""
        return round(sum(part.earned for part in self.parts), 2)

    @property
    def points(self) -> float:
        """The largest possible sum of points."""
        return round(sum(part.points for part in self.parts), 2)

    def to_json(self) -> str:
        """The result as JSON text, beginning with the sums."""
        return json.dumps({"earned": self.earned, "points": self.points, **asdict(self)}, indent=2, ensure_ascii=False)

    @staticmethod
    def from_json(text: str) -> Result:
        """The result that `to_json` wrote. Raises KeyError, TypeError or ValueError for other text."""
        data = json.loads(text)
        parts = [
            PartResult(**{**part, "cases": [CaseResult(**case) for case in part["cases"]]}) for part in data["parts"]
        ]
        return Result(data["assignment"], data["student"], data["seed"], parts, data["notes"])
