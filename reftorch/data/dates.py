"""Calendar days as people write them, in twenty-two forms, and as ISO 8601 writes them: pairs to learn a translation from.

Every text has one meaning:

- Days are those from 1969-01-01 to 2068-12-31. Two digits of a year are enough for them: 69 to 99 mean 1969 to 1999, 00 to 68 mean
  2000 to 2068, as in POSIX (`strptime`, `%y`).
- With dots the day comes first (29.11.2026), with slashes the month (11/29/2026), except that a year of four digits in front comes
  before month and day (2026/11/29).
- The day of the week, where there is one, is that of the day. Names are English.

>>> import datetime
>>> day = datetime.date(2026, 11, 29)
>>> write(day, "{weekday}, {d} {month} {year}"), write(day, "{dd}.{mm}.{yy}"), write(day, "{mon} {th} {year}")
('Sunday, 29 November 2026', '29.11.26', 'Nov 29th 2026')
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence

import numpy as np

import reftorch
from reftorch import random
from reftorch.tensor import Tensor

FIRST, LAST = datetime.date(1969, 1, 1), datetime.date(2068, 12, 31)
HELD_OUT = 2_048  # days that no training sees
FORMS = (
    "{year}/{mm}/{dd}",
    "{year}{mm}{dd}",
    "{dd}.{mm}.{year}",
    "{d}.{m}.{year}",
    "{dd}.{mm}.{yy}",
    "{mm}/{dd}/{year}",
    "{m}/{d}/{year}",
    "{mm}/{dd}/{yy}",
    "{d} {month} {year}",
    "{d} {mon} {year}",
    "{dd}-{mon}-{year}",
    "{dd} {MON} {yy}",
    "{month} {d}, {year}",
    "{mon} {d}, {year}",
    "{mon} {th} {year}",
    "{month} {th}, {year}",
    "{th} of {month} {year}",
    "{weekday}, {d} {month} {year}",
    "{weekday}, {month} {d}, {year}",
    "{wday}, {dd} {mon} {year}",
    "{wday} {mon} {d} {year}",
    "{year}, {month} {d}",
)
MONTHS = "January February March April May June July August September October November December".split()
WEEKDAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()

# The characters of a text, by number; 0 stands for none, behind the end of a short text.
CHARACTERS = " ,-./0123456789" + "".join(
    sorted(set("".join(MONTHS + [m[:3].upper() for m in MONTHS] + WEEKDAYS) + "thstndrdof"))
)
NUMBER = {character: number for number, character in enumerate(CHARACTERS, 1)}
LONGEST = 29  # characters of a text: "Wednesday, September 30, 2026"

# The characters of an ISO date, by number, and the one before the first.
ANSWER = "0123456789-"
BEGIN = len(ANSWER)
ISO_LENGTH = 10


def write(day: datetime.date, form: str) -> str:
    """`day` in one of the FORMS, or another one made of the same parts."""
    month, weekday = MONTHS[day.month - 1], WEEKDAYS[day.weekday()]
    return form.format(
        year=day.year,
        yy=f"{day.year % 100:02}",
        month=month,
        mon=month[:3],
        MON=month[:3].upper(),
        mm=f"{day.month:02}",
        m=day.month,
        dd=f"{day.day:02}",
        d=day.day,
        th=ordinal(day.day),
        weekday=weekday,
        wday=weekday[:3],
    )


def ordinal(number: int) -> str:
    """1 to 31 as 1st, 2nd, 3rd, 4th, ..., 11th, ..., 21st, ..."""
    ending = "th" if number in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def split_days() -> tuple[list[datetime.date], list[datetime.date]]:
    """The days to train on, and those that are held out; the same in every run, both in no order."""
    days = (LAST - FIRST).days + 1
    order = random.randperm(days, random.Generator().manual_seed(0)).tolist()
    chosen = [FIRST + datetime.timedelta(number) for number in order]
    return chosen[HELD_OUT:], chosen[:HELD_OUT]


def held_out(limit: int | None = None) -> list[tuple[datetime.date, str]]:
    """The first `limit` held-out days, None: all, each with its text: one form after the other."""
    days = split_days()[1][:limit]
    return [(day, write(day, FORMS[number % len(FORMS)])) for number, day in enumerate(days)]


def encode_texts(texts: Sequence[str]) -> Tensor:
    """The characters of texts by number: int64 (N, LONGEST).

    Raises:
        ValueError: a text is too long, or has a character that no form has.
    """
    numbers = np.zeros((len(texts), LONGEST), np.int64)
    for row, text in zip(numbers, texts):
        if len(text) > LONGEST or not NUMBER.keys() >= set(text):
            raise ValueError(f"expected at most {LONGEST} characters out of {CHARACTERS!r}, found {text!r}")
        row[: len(text)] = [NUMBER[character] for character in text]
    return reftorch.from_numpy(numbers)


def encode_days(days: Sequence[datetime.date]) -> Tensor:
    """The characters of the ISO dates by number: int64 (N, ISO_LENGTH)."""
    return reftorch.tensor([[ANSWER.index(character) for character in day.isoformat()] for day in days])


def decode_answer(numbers: Sequence[int]) -> str:
    """The text whose characters these are."""
    return "".join(ANSWER[number] for number in numbers)


class DateBatches:
    """Batches of texts and their ISO dates, int64 (N, LONGEST) and (N, ISO_LENGTH), drawn anew in every round.

    Args:
        dates: how many a round has.
        batch_size: how many a batch has; the last one of a round may have fewer.
        generator: where days and forms come from.
    """

    def __init__(self, dates: int, batch_size: int, generator: random.Generator):
        self.dates, self.batch_size, self.generator = dates, batch_size, generator
        self.days = split_days()[0]

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for first in range(0, self.dates, self.batch_size):
            size = (min(self.batch_size, self.dates - first),)
            days = [self.days[i] for i in random.randint(0, len(self.days), size, generator=self.generator)]
            forms = [FORMS[i] for i in random.randint(0, len(FORMS), size, generator=self.generator)]
            yield encode_texts([*map(write, days, forms)]), encode_days(days)
