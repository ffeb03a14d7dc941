"""Small pages that need no script, for whoever cannot or may not have a real one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape

from starlette.responses import HTMLResponse

from services.i18n import html_language

# The colours are those of pages/static/style.css: a page without scripts cannot ask for them.
STYLE = """
:root { color-scheme: light dark; font: 18px/1.6 "Noto Sans SC", "PingFang SC", "Microsoft YaHei",
  system-ui, sans-serif; --ink: #111827; --muted: #4b5563; --ground: #f8faf9; --surface: #ffffff;
  --line: #e5e7eb; --pine: #0b6e5b; }
@media (prefers-color-scheme: dark) { :root { --ink: #edf3f1; --muted: #aab8b3;
  --ground: #0d1412; --surface: #151e1b; --line: #2a3833; --pine: #5cc9af; } }
body { margin: 0; min-height: 100vh; display: grid; place-items: center;
  background: var(--ground); color: var(--ink); }
main { background: var(--surface); border: 1px solid var(--line); border-radius: 10px;
  padding: 32px; margin: 16px; max-width: 34rem; box-sizing: border-box; }
img { display: block; width: 44px; height: 44px; margin-bottom: 16px; }
h1 { font-size: 1.5rem; line-height: 1.3; margin: 0 0 12px; }
p { margin: 0 0 12px; } small { color: var(--muted); }
a { display: inline-block; min-height: 44px; line-height: 44px; color: var(--pine); }
"""


@dataclass(frozen=True, slots=True)
class Plain:
    """What a plain page says, in words that are ready to be shown."""

    title: str
    sentences: tuple[str, ...] = ()
    links: tuple[tuple[str, str], ...] = ()
    """(local path, words) each."""
    code: str = ""
    refresh: int | None = None
    """After how many seconds the browser tries again by itself."""
    headers: Mapping[str, str] = field(default_factory=dict)

    def answer(self, language: str, status: int) -> HTMLResponse:
        """Return the page as a whole answer; everything in it is escaped."""
        again = (
            "" if self.refresh is None else f'<meta http-equiv="refresh" content="{self.refresh}">'
        )
        said = "".join(f"<p>{escape(sentence)}</p>" for sentence in self.sentences)
        links = "".join(f'<a href="{escape(path)}">{escape(to)}</a> ' for path, to in self.links)
        code = f"<p><small>{escape(self.code)}</small></p>" if self.code else ""
        body = (
            f'<!doctype html><html lang="{html_language(language)}"><head><meta charset="utf-8">'
            f'<meta name="viewport" content="width=device-width, initial-scale=1">{again}'
            f"<title>{escape(self.title)} · Xinglin 杏林</title><style>{STYLE}</style></head>"
            f'<body><main><img src="/static/logo.svg" alt=""><h1>{escape(self.title)}</h1>'
            f"{said}{code}<p>{links}</p></main></body></html>"
        )
        return HTMLResponse(body, status, headers=dict(self.headers))
