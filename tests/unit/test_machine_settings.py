"""The machine's settings file is read in systemd's grammar, and is nobody's program."""

import pytest
from xinglin.machine import understood

from data.errors import Invalid

GRAMMAR = {
    "X=sqlite://u@/h?a=1&b=2": "sqlite://u@/h?a=1&b=2",
    'X=["a.example", "b.example"]': '["a.example", "b.example"]',
    "X=$HOME `id` $(id)": "$HOME `id` $(id)",
    "X=pass#word ; more": "pass#word ; more",
    "X= a b \t ": "a b",
    "  X = a": "a",
    "X='a \\ \"b\" '": 'a \\ "b" ',
    'X="a \\" \\$ \\n "': 'a " $ \\n ',
    "X=a\\ b\\\\c": "a b\\c",
    "X=a\\\nb": "ab",
    'X="a\\\nb\nc"': "ab\nc",
    "X='a'\"b\"c": "abc",
    "X=": "",
    "X=a=b": "a=b",
    "# c\n; c\n\n \nX=1\r\n": "1",
    "X=1\nX=2": "2",
    "X=\u6797": "\u6797",
}


@pytest.mark.parametrize(("text", "value"), GRAMMAR.items())
def test_a_value_means_what_systemd_takes_it_for(text: str, value: str):
    assert understood(text) == {"X": value}


@pytest.mark.parametrize(
    "line", ["export X=1", "touch /tmp/x", "=1", "1X=1", "X='a", 'X="a', "X=a\\", "X-Y=1"]
)
def test_a_line_that_is_no_setting_is_named(line: str):
    with pytest.raises(Invalid) as caught:
        understood(f"# first\nA=1\n{line}", "some.env")
    assert caught.value.code == "machine_settings_malformed"
    assert caught.value.details == {"path": "some.env", "line": 3}
