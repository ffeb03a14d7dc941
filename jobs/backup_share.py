"""The recovery share as a sheet to print, in Chinese or English. (恢复份额打印页)

One page of HTML without a script and without anything from elsewhere, so that it can be opened
and printed on a machine that is not on any network, and then be deleted.
"""

from datetime import datetime
from html import escape
from zoneinfo import ZoneInfo

import segno

from data.keyring import Share
from services.i18n import say

COLUMNS = 7

STYLE = """
body { font: 12pt/1.6 "Noto Sans CJK SC", "Noto Sans", sans-serif; margin: 20mm; color: #000; }
h1 { font-size: 18pt; margin: 0 0 4mm; }
table { border-collapse: collapse; margin: 6mm 0; }
td { border: 1px solid #000; padding: 2mm 3mm; font: 16pt "Noto Sans Mono", monospace; }
td small { display: block; font-size: 8pt; color: #444; }
.lines { margin-top: 10mm; } .lines span { display: inline-block; width: 70mm;
border-bottom: 1px solid #000; margin-right: 8mm; }
"""


def sheet(share: Share, house: str, at: datetime, language: str, timezone: str) -> str:
    """Return the page; it holds the key, so it belongs on paper and nowhere else."""
    moment = f"{at.astimezone(ZoneInfo(timezone)):%Y-%m-%d %H:%M}"
    title = say(language, "share.sheet.title")
    words = [
        escape(say(language, key, house=house, number=share.number, at=moment))
        for key in ("share.sheet.what", "share.sheet.keep", "share.sheet.how")
    ]
    places = [escape(say(language, f"share.sheet.{key}")) for key in ("printed_by", "kept_at")]
    code = segno.make(share.text, error="m", micro=False).svg_inline(scale=4, border=2)
    return "\n".join(
        (
            "<!doctype html>",
            f'<html lang="{language.replace("_", "-")}"><head><meta charset="utf-8">',
            f"<title>{escape(title)} {share.number}</title><style>{STYLE}</style></head><body>",
            f"<h1>{escape(title)} {share.number}</h1>",
            *(f"<p>{sentence}</p>" for sentence in words),
            _groups(share),
            code,
            '<p class="lines">',
            *(f"{place} <span>&nbsp;</span>" for place in places),
            "</p></body></html>",
        )
    )


def _groups(share: Share) -> str:
    """Return the groups numbered, for a typo is told by its group's number."""
    cells = [f"<td><small>{n}</small>{group}</td>" for n, group in enumerate(share.groups, 1)]
    rows = [cells[start : start + COLUMNS] for start in range(0, len(cells), COLUMNS)]
    return "<table>" + "".join(f"<tr>{''.join(row)}</tr>" for row in rows) + "</table>"
