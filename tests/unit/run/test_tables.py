"""Every way a table can be read, and every way it is refused: one line that says what, where and what to do."""

from __future__ import annotations

import datetime
import gzip
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from backproof.errors import DataError
from backproof.run import delimited
from backproof.run.tables import Table, read_table

COLOURS = ("red", "blue", "green")
GOOD = "age,colour,y\n" + "".join(f"{20 + i * i % 17},{COLOURS[i % 3]},{i * 1.5}\n" for i in range(20))
"""20 rows; line 3 is "21,blue,1.5"."""


def write(folder: Path, content: str | bytes, name: str = "data.csv") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    return path


def read(folder: Path, content: str | bytes, name: str = "data.csv", target: str = "y") -> Table:
    return read_table(write(folder, content, name), target=target)


def refusal(path: Path, target: str = "y") -> str:
    """The message about a file, without its path, after checks that hold for every message."""
    with pytest.raises(DataError) as caught:
        read_table(path, target=target)
    message = str(caught.value)
    assert message.isprintable(), "one line without control characters"
    assert message.startswith(f"{str(path)!r}: ")
    return message.removeprefix(f"{str(path)!r}: ")


def column(values: list[str], name: str = "x") -> str:
    """A CSV with one column of the given fields, and a target."""
    return f"{name},y\n" + "".join(f"{value},{i % 7 + i / 10}\n" for i, value in enumerate(values))


def test_a_plain_csv(tmp_path: Path) -> None:
    table = read(tmp_path, GOOD)
    assert table.features == ("age", "colour")
    assert table.kinds == {"age": "numeric", "colour": "categorical", "y": "numeric"}
    assert table.target == "y"
    assert table.rows == 20
    assert table.frame["age"].to_list()[:3] == [20.0, 21.0, 24.0]
    assert table.frame["colour"].to_list()[:3] == ["red", "blue", "green"]
    assert table.place(1) == "line 3"
    assert table.notes == ()


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (GOOD.encode("utf-8-sig"), "bom.csv"),
        (GOOD.replace(",", "\t"), "tabs.tsv"),
        (GOOD.replace("\n", "\r\n"), "windows.csv"),
        (GOOD.replace("\n", "\r"), "old_mac.csv"),
        (GOOD.replace("\n", "\n\n"), "blank_lines.csv"),
        (GOOD.replace("\n", "\n   \n"), "lines_of_spaces.csv"),
        ("\n\n" + GOOD, "blank_first.csv"),
        (GOOD.replace(",", " , "), "spaces.csv"),
        (GOOD.replace("blue", '"blue"'), "quotes.csv"),
        (GOOD.replace("blue", ' "blue"'), "spaces_and_quotes.csv"),
        (GOOD.rstrip("\n"), "no_last_newline.csv"),
        (gzip.compress(GOOD.encode()), "packed.csv.gz"),
        (gzip.compress(GOOD.replace(",", "\t").encode()), "packed.tsv.gz"),
        (GOOD, "CAPITALS.CSV"),
        (GOOD, "dots.in.name.csv"),
    ],
)
def test_the_same_table_however_it_is_written(tmp_path: Path, content: str | bytes, name: str) -> None:
    table = read(tmp_path, content, name)
    assert table.frame.equals(read(tmp_path, GOOD).frame)
    assert table.notes == ()


@pytest.mark.parametrize(("delimiter", "said"), [(";", '";"'), ("\t", "tab"), ("|", '"|"')])
def test_the_delimiter_is_detected_and_said(tmp_path: Path, delimiter: str, said: str) -> None:
    table = read(tmp_path, GOOD.replace(",", delimiter))
    assert table.notes == (f"delimiter {said} detected",)
    assert table.frame.equals(read(tmp_path, GOOD).frame)


def test_the_delimiter_is_detected_beside_commas_in_text(tmp_path: Path) -> None:
    table = read(tmp_path, GOOD.replace(",", ";").replace("blue", "blue, or so"))
    assert table.frame["colour"][1] == "blue, or so"


@pytest.mark.parametrize("size", range(13, 24))
def test_a_sample_cut_anywhere_does_not_mislead(size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited, "_SAMPLE_BYTES", size)
    table = read(tmp_path, GOOD.replace(",", ";").replace("red", "é,é,é"))
    assert table.features == ("age", "colour")


def test_more_rows_than_a_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited, "_BATCH_ROWS", 3)
    table = read(tmp_path, GOOD)
    assert table.rows == 20
    assert table.place(19) == "line 21"
    assert "line 14: 2 fields" in refusal(write(tmp_path, GOOD.replace(",red,18.0", ",red")))


def test_decimal_commas_are_numbers_where_the_delimiter_is_none(tmp_path: Path) -> None:
    table = read(tmp_path, GOOD.replace(",", ";").replace(".", ","))
    assert table.frame.equals(read(tmp_path, GOOD).frame)
    assert """column 'y': decimal comma ("1,5" is 1.5)""" in table.notes


def test_lines_count_quoted_line_breaks_and_blank_lines(tmp_path: Path) -> None:
    content = GOOD.replace("20,red,0.0", '20,"red\nand\nmore",0.0\n\n')
    assert "line 7: 'inf' is not a finite number" in refusal(write(tmp_path, content.replace("21,blue", "inf,blue")))


def test_parquet_keeps_its_types(tmp_path: Path) -> None:
    rows = range(20)
    frame = pl.DataFrame(
        {
            "whole": [i * i % 7 for i in rows],
            "real": [float("nan") if i == 3 else i / 7 for i in rows],
            "small": pl.Series([i % 5 for i in rows], dtype=pl.UInt8),
            "money": pl.Series([f"{i % 9}.25" for i in rows]).cast(pl.Decimal(10, 2)),
            "text": ["NA" if i == 5 else str(i % 3) for i in rows],
            "level": pl.Series([["low", "high"][i % 2] for i in rows], dtype=pl.Enum(["low", "high"])),
            "truth": [None if i == 2 else i % 2 == 0 for i in rows],
            "day": [datetime.date(1970, 1, 1) + datetime.timedelta(days=i * i) for i in rows],
            "time": [datetime.datetime(1970, 1, 2, i) for i in rows],
            "y": [i * 1.5 for i in rows],
        }
    )
    path = tmp_path / "x=1[a].parquet"
    frame.write_parquet(path)
    table = read_table(path, target="y")
    kinds = dict(table.kinds)
    assert [kinds.pop(name) for name in ("text", "level")] == ["categorical"] * 2
    assert [kinds.pop(name) for name in ("truth", "day", "time")] == ["boolean", "date", "date"]
    assert set(kinds.values()) == {"numeric"}
    assert table.frame["real"].null_count() == 1
    assert table.frame["text"][5] is None
    assert table.frame["money"][1] == 1.25
    assert table.frame["day"].to_list()[:4] == [0.0, 1.0, 4.0, 9.0]
    assert table.frame["time"][12] == 1.5
    assert table.place(0) == "row 1"


def test_parquet_with_infinity_or_lists(tmp_path: Path) -> None:
    path = tmp_path / "data.parquet"
    y = [float(i) for i in range(20)]
    pl.DataFrame({"x": [*y[:7], float("-inf"), *y[8:]], "y": y}).write_parquet(path)
    assert refusal(path).startswith("column 'x', row 8: '-inf' is not a finite number")
    pl.DataFrame({"x": [[value] for value in y], "y": y}).write_parquet(path)
    assert refusal(path).startswith("column 'x' holds List(Float64) values; give numbers, text")


@pytest.mark.parametrize("content", [b"no table", b"PAR1 no table PAR1", b""])
def test_parquet_that_is_none(tmp_path: Path, content: bytes) -> None:
    assert refusal(write(tmp_path, content, "data.parquet")).startswith("this Parquet file cannot be read (")


@pytest.mark.parametrize("missing", ["", " ", "NA", "N/A", "NaN", "nan", "-nan", "null", "NULL", "?", '""'])
def test_missing_values_of_a_feature(tmp_path: Path, missing: str) -> None:
    table = read(tmp_path, GOOD.replace("21,blue", f"{missing},blue").replace("24,green", f"24,{missing}"))
    assert table.kinds["age"] == "numeric"
    assert table.frame["age"].to_list()[:3] == [20.0, None, 24.0]
    assert table.frame["colour"].null_count() == (missing != "-nan")


@pytest.mark.parametrize("missing", ["", "NA", "null", "?", "nan"])
def test_a_missing_target_is_refused(tmp_path: Path, missing: str) -> None:
    path = write(tmp_path, GOOD.replace("blue,1.5", f"blue,{missing}").replace("green,3.0", f"green,{missing}"))
    expected = "column 'y', line 3: the target is missing here (2 rows in all); fill it in or delete the row"
    assert refusal(path) == expected


@pytest.mark.parametrize("written", ["inf", "-inf", "Infinity", "+INF", "1e999"])
def test_infinity_is_refused_with_row_and_column(tmp_path: Path, written: str) -> None:
    expected = f"column 'age', line 3: '{written}' is not a finite number; correct it, or leave the field empty"
    assert refusal(write(tmp_path, GOOD.replace("21,blue", f"{written},blue"))).startswith(expected)


def test_infinity_in_the_target_is_refused(tmp_path: Path) -> None:
    assert "column 'y', line 3: 'inf'" in refusal(write(tmp_path, GOOD.replace("blue,1.5", "blue,inf")))


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1", "2.5", "-3e2", "+4", ".5"], "numeric"),
        (["true", "False", "TRUE", "false", "true"], "boolean"),
        (["2024-01-02", "2024-2-3", "1999-12-31", "2024-02-29", "NA"], "date"),
        (["2024-01-02 10:00", "2024-01-02T11:30:15", "2024-01-02", "2024-01-02T11:30:15.5Z", ""], "date"),
        (["yes", "no", "yes", "no", "yes"], "categorical"),
        (["inf", "a", "a", "b", "b"], "categorical"),
    ],
)
def test_kinds(tmp_path: Path, values: list[str], kind: str) -> None:
    assert read(tmp_path, column(values * 4)).kinds["x"] == kind


def test_dates_are_days(tmp_path: Path) -> None:
    table = read(tmp_path, column(["1970-01-01", "1970-01-03", "1970-01-02T06:00", "?"] * 4))
    assert table.frame["x"].to_list()[:4] == [0.0, 2.0, 1.25, None]


@pytest.mark.parametrize(
    ("usual", "stray", "noun"),
    [("1.5", "abc", "number"), ("2024-01-02", "2024-02-30", "date"), ("7", "1.000,5", "number")],
)
def test_a_few_stray_values_are_pointed_out(tmp_path: Path, usual: str, stray: str, noun: str) -> None:
    quoted_stray = f'"{stray}"'
    table = read(tmp_path, column([usual] * 8 + [quoted_stray] * 2 + [usual] * 5))
    assert table.kinds["x"] == "categorical"
    expected = (
        f"column 'x' is read as categories, since '{stray}' (line 10) and 1 other is no {noun} while most values are"
    )
    assert table.notes[0].startswith(expected)


def test_useless_columns_are_dropped_and_said(tmp_path: Path) -> None:
    header = "same,half,void,word,,number,option,y\n"
    rows = "".join(
        f"5,{'1' if i % 2 else ''},NA,id-{i},{i},{i * i % 7},{'on' if i % 2 else ''},{i * i}\n" for i in range(20)
    )
    table = read(tmp_path, header + rows)
    assert table.features == ("number", "option")
    assert table.frame.columns == ["number", "option", "y"]
    assert table.notes == (
        "column 'void' dropped: no value in any row",
        "columns 'same', 'half' dropped: the same value in every row",
        "column 'word' dropped: text that differs in every row (such as 'id-0'), so it only identifies the row; "
        "if it is a number, write it with digits only",
        "'column 5' (without a name) dropped: it only counts the rows",
    )


def test_a_named_counter_is_kept_and_pointed_out(tmp_path: Path) -> None:
    table = read(tmp_path, column([str(i) for i in range(7, 27)], name="id"))
    assert table.features == ("id",)
    assert table.notes == ("column 'id' counts the rows one by one; remove it if it means nothing else",)


def test_columns_without_a_name_get_a_free_one(tmp_path: Path) -> None:
    rows = "".join(f"{i % 3},{i % 4},{i % 5},{i}\n" for i in range(20))
    assert read(tmp_path, "column 2,,,y\n" + rows).features == ("column 2", "column 2'", "column 3")


@pytest.mark.parametrize(
    ("feature", "target", "how"),
    [
        ([3, 1, 4, 1, 5], [3, 1, 4, 1, 5], "is identical to the target 'y'"),
        ([3, 1, 4, 1, 5], [-7, -3, -9, -3, -11], "is the target 'y' on another scale"),
        ([2, 1, 2, 1, 3], [10, 20, 10, 20, 7], "tells the target 'y' exactly, value for value"),
        (["cat", "dog", "cat", "dog", "cow"], [0, 1, 0, 1, 2], "tells the target 'y' exactly, value for value"),
        ([3, 1, 4, 1, 5], [3, 2, 4, 1, 6], None),
        (["cat", "dog", "cat", "dog", "cow"], ["a", "a", "b", "b", "c"], None),
        (["cat", "dog", "cat", "dog", "dog"], [0, 1, 0, 1, 2], None),
        (["cat", "", "cat", "dog", "dog"], [0, 1, 0, 2, 2], None),
    ],
)
def test_leaks(tmp_path: Path, feature: list[object], target: list[object], how: str | None) -> None:
    rows = "".join(f"{x},{y}\n" for x, y in zip(feature * 4, target * 4, strict=True))
    table = read(tmp_path, "x,y\n" + rows)
    expected = [f"warning: column 'x' {how}; remove it if it is not known before the target is"] if how else []
    assert list(table.notes) == expected


def test_a_missing_file_and_its_neighbour(tmp_path: Path) -> None:
    write(tmp_path, GOOD, "houses.csv")
    assert refusal(tmp_path / "house.csv") == "there is no such file; did you mean 'houses.csv'?"
    assert refusal(tmp_path / "nowhere" / "table.csv") == "there is no such file; check the path"


def test_a_folder(tmp_path: Path) -> None:
    (tmp_path / "data.csv").mkdir()
    assert refusal(tmp_path / "data.csv") == "this is a folder; give the file inside it"


def test_a_pipe(tmp_path: Path) -> None:
    assert refusal(Path("/dev/null")) == "this is a device or a pipe; give a file"


@pytest.mark.parametrize("name", ["data.json", "data", "data.gz", "data.xlsx", "data.parquet.gz"])
def test_an_unknown_suffix(tmp_path: Path, name: str) -> None:
    said = refusal(write(tmp_path, GOOD, name))
    assert said.endswith("is not known; give one of .csv, .tsv, .csv.gz, .tsv.gz, .parquet, .pq")


def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, mode: str) -> None:
        raise PermissionError(13, "Permission denied")

    path = write(tmp_path, GOOD)
    monkeypatch.setattr(Path, "open", refuse)  # a chmod would not stop root
    assert refusal(path) == "cannot be read (Permission denied); check the file and its permissions"


@pytest.mark.parametrize("content", ["", "\n\n", " \r\n", "\ufeff", "\ufeff\n"])
def test_an_empty_file(tmp_path: Path, content: str) -> None:
    assert refusal(write(tmp_path, content)) == "the file is empty; give a file with a header line and rows"
    path = write(tmp_path, gzip.compress(content.encode()), "data.csv.gz")
    assert refusal(path) == "the file is empty; give a file with a header line and rows"


def test_too_few_rows(tmp_path: Path) -> None:
    lines = GOOD.splitlines(keepends=True)
    assert refusal(write(tmp_path, lines[0])) == "the table has no rows, only a header; at least 10 are needed"
    assert refusal(write(tmp_path, "".join(lines[:2]))) == "the table has 1 row; at least 10 are needed"
    assert refusal(write(tmp_path, "".join(lines[:10]))) == "the table has 9 rows; at least 10 are needed"
    assert read(tmp_path, "".join(lines[:11])).rows == 10


@pytest.mark.parametrize(("row", "found"), [("21,blue", 2), ("21,blue,1.5,", 4), ("21;blue;1.5", 1)])
def test_a_ragged_row(tmp_path: Path, row: str, found: int) -> None:
    said = refusal(write(tmp_path, GOOD.replace("21,blue,1.5", row)))
    assert said.startswith(
        f'line 3: {found} fields found, 3 expected from the header; look for a missing or surplus ","'
    )


@pytest.mark.parametrize("field", ['"blue', '"bl"ue', '"' + "x" * 200_000])
def test_a_broken_quote(tmp_path: Path, field: str) -> None:
    said = refusal(write(tmp_path, GOOD.replace("21,blue", f"21,{field}")))
    assert said.startswith("line 3: a quoted field cannot be read (")
    tabs = GOOD.replace("21,blue", f"21,{field}").replace(",", "\t")
    assert refusal(write(tmp_path, tabs, "data.tsv")).startswith("line 3: a quoted field cannot be read (")


def test_windows_1252_is_detected_and_said(tmp_path: Path) -> None:
    content = GOOD.replace("21,blue", "21,blé").encode("cp1252")
    for path in (write(tmp_path, content), write(tmp_path, gzip.compress(content), "data.csv.gz")):
        table = read_table(path, target="y")
        assert table.notes == ("encoding Windows-1252 taken, as byte 0xe9 in line 3 is not UTF-8",)
        assert table.frame["colour"][1] == "blé"
    late = (GOOD + "30,red,9\n" * 200_000).encode() + b"30,\xff,9\n"
    assert "byte 0xff in line 200022 " in read_table(write(tmp_path, late), target="y").notes[0]


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
def test_utf_16_is_detected_and_said(codec: str, tmp_path: Path) -> None:
    content = ("\ufeff" + GOOD.replace("blue", "синий")).encode(codec)
    table = read_table(write(tmp_path, content), target="y")
    assert table.notes == ("encoding UTF-16 detected",)
    assert table.frame["colour"][1] == "синий"
    assert "the text is not UTF-16" in refusal(write(tmp_path, content[:-1]))


def test_no_encoding_at_all(tmp_path: Path) -> None:
    content = GOOD.replace("21,blue", "21,bl\x81").encode("latin-1")
    expected = (
        f"line 3: byte 0x81 at offset {content.index(0x81)} is not UTF-8; save the file again with the encoding UTF-8"
    )
    assert refusal(write(tmp_path, content)) == expected
    assert refusal(write(tmp_path, gzip.compress(content), "data.csv.gz")) == expected


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (GOOD.encode("utf-16-le"), "zero byte at offset 1"),
        (gzip.compress(GOOD.encode()), "this is compressed by gzip; add .gz to its name"),
        (b"PK\x03\x04....", "this is a zip archive or a spreadsheet; save the sheet as CSV"),
        (b"PAR1....", "this is a Parquet file; rename it to .parquet"),
    ],
)
def test_a_file_of_another_kind(tmp_path: Path, content: bytes, said: str) -> None:
    assert refusal(write(tmp_path, content)).startswith(said)


def test_a_damaged_gzip_file(tmp_path: Path) -> None:
    packed = gzip.compress(GOOD.encode())
    for content in (packed[:-10], GOOD.encode(), packed[:30] + b"\0" * 20 + packed[50:]):
        assert refusal(write(tmp_path, content, "data.csv.gz")).startswith("this is no complete gzip file (")


def test_duplicate_names(tmp_path: Path) -> None:
    said = refusal(write(tmp_path, GOOD.replace("age,colour", " age,age ")))
    assert said == "line 1: the column name 'age' stands twice (columns 1 and 2); rename one"
    said = refusal(write(tmp_path, "1,1,2\n" * 20))
    assert said.endswith("; add a line of names above the numbers")


def test_a_target_that_is_not_there(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    expected = "there is no column 'Color'; did you mean 'colour'? The columns are 'age', 'colour', 'y'"
    assert refusal(path, target="Color") == expected
    assert refusal(path, target="price") == "there is no column 'price'; choose one of 'age', 'colour', 'y'"
    assert refusal(path, target="\x1b[31m\n").startswith(r"there is no column '\x1b[31m\n'; choose one of")
    said = refusal(write(tmp_path, "1,2,3\n" * 20))
    assert said.startswith("there is no column 'y': the first line holds numbers ('1', '2', '3') and not the names")


def test_names_with_markup_and_escapes_stay_on_one_line(tmp_path: Path) -> None:
    name = '"<b>\x1b[31m$x\\\nend"'
    table = read(tmp_path, column(["1"] * 5 + ["oops"] * 3 + ["2"] * 5, name=name))
    assert table.features == ("<b>\x1b[31m$x\\\nend",)
    assert all(note.isprintable() for note in table.notes)


@pytest.mark.parametrize("value", ["7", "red", "true"])
def test_a_constant_target(tmp_path: Path, value: str) -> None:
    path = write(tmp_path, "x,y\n" + "".join(f"{i * i},{value}\n" for i in range(20)))
    expected = f"the target 'y' is '{value}' in all 20 rows (one value, one class), so there is nothing to learn"
    assert refusal(path).startswith(expected)


def test_a_target_of_dates(tmp_path: Path) -> None:
    path = write(tmp_path, "x,y\n" + "".join(f"{i * i},2024-01-{i + 1:02}\n" for i in range(20)))
    assert refusal(path).startswith("the target 'y' holds dates; make it a number")


@pytest.mark.parametrize("content", ["y\n" + "1\n2\n" * 10, "x,y\n" + "5,1\n5,2\n" * 10])
def test_nothing_to_learn_from(tmp_path: Path, content: str) -> None:
    expected = "there is no column to learn from beside the target 'y'; add one that varies"
    assert refusal(write(tmp_path, content)) == expected


def test_a_table_beyond_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backproof.run.memory.available_memory", lambda: 300)
    said = refusal(write(tmp_path, GOOD))
    assert said.startswith("the table up to line 21 would need ")
    assert said.endswith(" of memory, and 300 bytes is available; use fewer rows or columns")
    path = tmp_path / "data.parquet"
    pl.DataFrame({"x": np.arange(20.0), "y": np.arange(20.0)}).write_parquet(path)
    assert "the table would need 640 bytes of memory" in refusal(path)
