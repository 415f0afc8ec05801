"""Dates in many forms: each text has one meaning, that which `datetime` reads; and no held-out day is ever drawn."""

import datetime
import re

import pytest

import reftorch
from reftorch.data import dates

DAYS = [dates.FIRST + datetime.timedelta(number) for number in range(0, 36_525, 61)] + [
    *(datetime.date(2026, 11, day) for day in range(1, 31)),
    *(datetime.date(2000, month, day) for month in range(1, 13) for day in (1, 11, 21, 29)),
    *(dates.FIRST, dates.LAST, datetime.date(2000, 2, 29), datetime.date(2068, 2, 29)),
]
READS = dict(year="%Y", yy="%y", month="%B", mon="%b", MON="%b", mm="%m", m="%m", dd="%d", d="%d", th="%d")
READS |= dict(weekday="%A", wday="%a")


@pytest.mark.parametrize("form", dates.FORMS)
def test_datetime_reads_the_same_day(form):
    pattern = form.format(**READS)
    for day in DAYS:
        text = dates.write(day, form)
        plain = re.sub(r"(\d)(st|nd|rd|th)\b", r"\1", text) if "{th}" in form else text
        assert datetime.datetime.strptime(plain, pattern).date() == day, text
        if "weekday" in form or "wday" in form:
            assert day.strftime("%A").startswith(text.split(",")[0].split()[0]), text
        if "MON" in form:
            assert text[3:6].isupper()


def test_no_text_has_two_meanings():
    meant = {}
    for day in DAYS:
        for form in dates.FORMS:
            assert meant.setdefault(dates.write(day, form), day) == day


def test_ordinals():
    ends = {1: "st", 2: "nd", 3: "rd", 21: "st", 22: "nd", 23: "rd", 31: "st"}
    assert [dates.ordinal(n) for n in range(1, 32)] == [f"{n}{ends.get(n, 'th')}" for n in range(1, 32)]


def test_characters_are_those_that_occur():
    texts = [dates.write(day, form) for day in DAYS for form in dates.FORMS]
    assert set("".join(texts)) == set(dates.CHARACTERS) and len(set(dates.CHARACTERS)) == len(dates.CHARACTERS)
    assert max(map(len, texts)) == len(dates.write(datetime.date(2026, 9, 30), "{weekday}, {month} {d}, {year}"))
    assert max(map(len, texts)) == dates.LONGEST


def test_every_day_is_trained_on_or_held_out():
    trained, held = dates.split_days()
    assert len(held) == dates.HELD_OUT and len(trained) + len(held) == 36_525
    days = sorted(trained + held)
    assert days == [dates.FIRST + datetime.timedelta(number) for number in range(36_525)]
    assert days[-1] == dates.LAST and dates.split_days() == (trained, held)
    assert {day.month for day in held} == set(range(1, 13)) and {day.day for day in held} == set(range(1, 32))


def test_held_out_texts_go_through_the_forms():
    found = dates.held_out(50)
    assert found == dates.held_out()[:50] and len(dates.held_out()) == dates.HELD_OUT
    for number, (day, text) in enumerate(found):
        assert text == dates.write(day, dates.FORMS[number % len(dates.FORMS)])


def decode(texts):
    return ["".join(dates.CHARACTERS[number - 1] for number in row if number) for row in texts.tolist()]


def test_numbers_and_characters():
    texts = ["29.11.26", "Wednesday, September 30, 2026"]
    numbers = dates.encode_texts(texts)
    assert numbers.dtype == reftorch.int64 and numbers.shape == (2, dates.LONGEST) and decode(numbers) == texts
    assert (numbers[0, 8:] == 0).all().item()
    answers = dates.encode_days([datetime.date(2026, 11, 29), datetime.date(1969, 1, 2)])
    assert [dates.decode_answer(row) for row in answers.tolist()] == ["2026-11-29", "1969-01-02"]
    assert answers.dtype == reftorch.int64 and dates.BEGIN not in answers.flatten().tolist()
    for wrong in ("x" * (dates.LONGEST + 1), "29. März"):
        with pytest.raises(ValueError, match="expected at most 29 characters out of .* found"):
            dates.encode_texts([wrong])


def test_batches_have_no_held_out_day_and_are_right():
    batches = dates.DateBatches(700, 64, reftorch.Generator().manual_seed(3))
    held = {day.isoformat() for day in dates.split_days()[1]}
    rounds = []
    for _ in range(3):
        found = list(batches)
        assert [len(texts) for texts, _ in found] == [64] * 10 + [60]
        rounds.append([pair for texts, answers in found for pair in zip(decode(texts), answers.tolist())])
    for text, answer in sum(rounds, []):
        iso = dates.decode_answer(answer)
        assert iso not in held
        assert text in {dates.write(datetime.date.fromisoformat(iso), form) for form in dates.FORMS}
    assert rounds[0] != rounds[1] != rounds[2]
    again = list(dates.DateBatches(700, 64, reftorch.Generator().manual_seed(3)))
    assert decode(again[0][0]) == [text for text, _ in rounds[0][:64]]
    other = list(dates.DateBatches(700, 64, reftorch.Generator().manual_seed(4)))
    assert decode(other[0][0]) != decode(again[0][0])
