"""Dates are read in every usual spelling, and what cannot be the date of a photo is none."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dalip.photos.details.dates import date_in_name, date_of_timestamp, read_date

NOON = "2023-05-31T12:00:00"


@pytest.mark.parametrize(
    "value",
    [
        "2023:05:31 12:00:00",
        b"2023:05:31 12:00:00",
        "2023-05-31 12:00:00",
        "2023/05/31 12:00:00",
        "2023.05.31 12.00.00",
        "2023-05-31T12:00:00",
        "2023:05:31T12:00:00",
        "2023:05:31 12:00",
        "2023:05:31 12:00:00.123",
        "2023:05:31 12:00:00.",
        "2023: 5:31 12: 0: 0",
        "2023:5:31 12:0:0",
        "23:05:31 12:00:00",
        "2023:05:31 12:00:00\0",
        "2023:05:31\x0012:00:00\0\0",
        "  2023:05:31   12:00:00 ",
        "2023:05:31 12:00:00 PM",
        "2023-05-31_12:00:00",
        "20230531T120000",
        "31 May 2023 12:00:00",
        "Wed May 31 12:00:00 2023",
    ],
)
def test_spellings_of_one_time(value: str | bytes) -> None:
    assert read_date(value) == NOON


@pytest.mark.parametrize(
    ("value", "offset", "date"),
    [
        ("2023-05-31T12:00:00Z", None, f"{NOON}+00:00"),
        ("2023-05-31T12:00:00+02:00", None, f"{NOON}+02:00"),
        ("2023-05-31T12:00:00.5-0330", None, f"{NOON}-03:30"),
        ("2023-05-31T12:00:00Z", "+02:00", f"{NOON}+00:00"),
        ("2023:05:31 12:00:00", "+02:00", f"{NOON}+02:00"),
        ("2023:05:31 12:00:00", b"-07:00\0", f"{NOON}-07:00"),
        ("2023:05:31 12:00:00", "Z", f"{NOON}+00:00"),
        *(("2023:05:31 12:00:00", bad, NOON) for bad in ("+2", "+99:00", "   :  ", "\0", "CEST", 2, None)),
        ("2023:05:31 24:00:00", None, "2023-05-31T00:00:00"),
        ("2023:05:31 24:05:07", None, "2023-05-31T00:05:07"),
        ("2023:05:31 12:00:60", None, "2023-05-31T12:00:59"),
        ("2023:05:31 01:02:03 PM", None, "2023-05-31T13:02:03"),
        ("2023:05:31", "+02:00", "2023-05-31"),
        ("2023:05:31   :  :  ", None, ""),
        ("2023:05:31 25:61:00", None, "2023-05-31"),
        ("98:05:31 12:00:00", None, "1998-05-31T12:00:00"),
        ("1826:01:01 00:00:00", None, "1826-01-01T00:00:00"),
    ],
)
def test_offsets_and_unusual_times(value: str, offset: object, date: str) -> None:
    assert read_date(value, offset) == date


NO_DATES = [
    *(
        "",
        " ",
        "\0",
        "    :  :     :  :  ",
        "0000:00:00 00:00:00",
        "0000-00-00",
        "unknown",
        "2023",
        "2023:05",
    ),
    *("2023:13:01 12:00:00", "2023:02:30 12:00:00", "31.05.2023", "05/31/2023", "23-05-31", "1/2/3"),
    *("1825:12:31 23:59:59", "0001:01:01 00:00:00", "1970:01:01 00:00:00", "9999:12:31 23:59:59"),
    *("2023:05:31 12:00:00" + "0" * 100, "\ud800", "２０２３:05:31 12:00:00"),
]


@pytest.mark.parametrize(
    "value", [*NO_DATES, None, 20230531, 1.5, (2023, 5, 31), ["2023:05:31"], b"\xff\xfe", True]
)
def test_no_dates(value: object) -> None:
    assert read_date(value) == ""


def test_future_dates_are_rejected() -> None:
    now = datetime.now(UTC)
    assert read_date((now + timedelta(days=2)).strftime("%Y:%m:%d %H:%M:%S")) == ""
    assert read_date((now + timedelta(hours=13)).strftime("%Y:%m:%d %H:%M:%S")), (
        "east of Greenwich it is later"
    )


@given(st.one_of(st.text(), st.binary(), st.from_regex(r"\d{2,4}[-:/. ]\d*[-:/. ]\d*.?\d*:\d*:?\d*")))
def test_any_value_is_a_date_in_iso_8601_or_none(value: str | bytes) -> None:
    for date in (read_date(value, value), date_in_name(value) if isinstance(value, str) else ""):
        assert date == "" or 1826 <= datetime.fromisoformat(date).year <= datetime.now(UTC).year + 1
        assert date.isascii()


@given(st.datetimes(datetime(1980, 1, 2), datetime(2024, 1, 1)).map(lambda d: d.replace(microsecond=0)))
def test_every_time_is_read_back(moment: datetime) -> None:
    for spelling in ("%Y:%m:%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y/%m/%d %H.%M.%S", "%Y%m%dT%H%M%S"):
        assert read_date(moment.strftime(spelling)) == moment.isoformat()


@pytest.mark.parametrize(
    ("name", "date"),
    [
        ("IMG_20230531_120000", NOON),
        ("IMG_20230531_120000_1", NOON),
        ("IMG_20230531_120000123_HDR", NOON),
        ("IMG20230531120000", NOON),
        ("MVIMG_20230531_120000", NOON),
        ("20230531_120000", NOON),
        ("20230531_120000(0)", NOON),
        ("20230531120000", NOON),
        ("PXL_20230531_120000123.PORTRAIT", f"{NOON}+00:00"),
        ("00001IMG_00001_BURST20230531120000000_COVER", NOON),
        ("Screenshot_2023-05-31-12-00-00", NOON),
        ("Screenshot_20230531-120000_Chrome", NOON),
        ("Screenshot 2023-05-31 at 12.00.00 PM", NOON),
        ("Screen Shot 2023-05-31 at 1.00.00 AM", "2023-05-31T01:00:00"),
        ("2023-05-31 12.00.00", NOON),
        ("2023-05-31 12.00.00-1", NOON),
        ("WhatsApp Image 2023-05-31 at 12.00.00", NOON),
        ("WhatsApp Image 2023-05-31 at 1.02.03 PM", "2023-05-31T13:02:03"),
        ("signal-2023-05-31-120000", NOON),
        ("signal-2023-05-31-12-00-00-123", NOON),
        ("photo_2023-05-31_12-00-00", NOON),
        ("FB_IMG_1685534400000", f"{NOON}+00:00"),
        ("1685534400000", f"{NOON}+00:00"),
        ("IMG-20230531-WA0007", "2023-05-31"),
        ("VID_20230531", "2023-05-31"),
        ("20230531", "2023-05-31"),
        ("2023-05-31", "2023-05-31"),
        ("meadow 2023-05-31 (2)", "2023-05-31"),
    ],
)
def test_dates_in_file_names(name: str, date: str) -> None:
    assert date_in_name(name) == date


@pytest.mark.parametrize(
    "name",
    [
        *("IMG_1234", "DSC01234", "12345678", "99999999", "IMG_20231301_120000", "IMG_20230230", "20991231"),
        *("18000101", "2023053112", "120230531", "5f20190612ab3", "a1685534400000", "16855344000001"),
        *("9999999999999", "0000000000000", "31-05-2023", "2023", "2023-05", "", "v2023.5.31", "1234-56-78"),
    ],
)
def test_numbers_in_file_names_that_are_no_dates(name: str) -> None:
    assert date_in_name(name) == ""


def test_timestamps() -> None:
    assert date_of_timestamp(1685534400) == f"{NOON}+00:00"
    assert date_of_timestamp(-86400) == "1969-12-31T00:00:00+00:00"
    assert {date_of_timestamp(wrong) for wrong in (0, 10**12, -(10**12), 10**300)} == {""}
    assert not re.search(r"\d", date_of_timestamp(float("nan")) + date_of_timestamp(float("inf")))
