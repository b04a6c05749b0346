"""The page holds everything that it shows, and shows text as text."""

import re
from html import escape
from html.parser import HTMLParser

import pytest

from exactflow.claims import Options
from exactflow.proving.page import formula, page, picture
from exactflow.proving.script import display, run_script

SCRIPT = """# %% [markdown]
# # A <b>title</b>
# With **words**, `code` and $a^2 < b$.
#
# | a | b |
# | - | - |
# | 1 | 2 |

# %%
from sympy import Matrix, sqrt
from exactflow import factor
from exactflow.claims import Claims, Evidence
print("<i>printed</i>")
with Claims("<T>").check("1 < 2", Evidence.EXACT) as check:
    check.true(1 < 2, "<one>")
# %%
Matrix([[sqrt(2)]])
# %%
factor([[1, 2], [0, 1]])
# %%
raise ValueError("<broken>")
# %%
print("never")
"""


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "theorem.py"
    path.write_text(SCRIPT)
    return page([run_script(path, Options(), keep=True)])


def test_what_is_on_it(text):
    for words in (
        "<h1>A &lt;b&gt;title&lt;/b&gt;</h1>",
        "<strong>words</strong>",
        "<td>2</td>",
        "&lt;i&gt;printed&lt;/i&gt;",
        "<td>1 &lt; 2</td>",
        "&lt;T&gt;",
        "<msqrt><mn>2</mn></msqrt>",
        "CouplingFlow (1, 1)",
        "theorem.py</code>",
        "broken</p>",
        "ValueError: &lt;broken&gt;",
        "1 of 1 claims checked; 0 not run; 1 script failed",
        'href="#script0"',
        'id="script0"',
    ):
        assert words in text
    assert "<i>" not in text
    assert '<pre class="printed">never' not in text


def test_the_reason_stands_below_the_cell_that_failed(text, tmp_path):
    assert (
        text.index("raise</span>") < text.index("ValueError: &lt;broken&gt;") < text.index("never")
    )
    path = tmp_path / "false.py"
    path.write_text(SCRIPT.replace("check.true(1 < 2", "check.true(2 < 1"))
    shown = page([run_script(path, Options(), keep=True)])
    assert shown.count("&lt;one&gt;: expected to hold, got False") == 1
    assert shown.index('class="printed"') < shown.index("expected to hold") < shown.rindex("sqrt")


def test_it_needs_no_other_file(text):
    assert not re.search(r'(?:src|href)="(?!data:|#)', text)
    assert "url(" not in text
    assert "@import" not in text


def test_its_elements_are_closed(text):
    class Reader(HTMLParser):
        open_elements = ()

        def handle_starttag(self, tag, attrs):
            if tag not in ("meta", "img", "hr", "br", "link"):
                self.open_elements += (tag,)

        def handle_endtag(self, tag):
            assert self.open_elements[-1] == tag
            self.open_elements = self.open_elements[:-1]

    reader = Reader()
    reader.feed(text)
    reader.close()
    assert reader.open_elements == ()


def test_formulas():
    pytest.importorskip("latex2mathml")
    assert "<msup><mi>a</mi><mn>2</mn></msup>" in formula("a^2", False)
    assert 'display="block"' in formula("a", True)
    assert formula(r"\left( <", False) == r"<code>\left( &lt;</code>"


def test_formulas_of_the_text(text):
    pytest.importorskip("latex2mathml")
    pytest.importorskip("mdit_py_plugins")
    assert "<msup><mi>a</mi><mn>2</mn></msup>" in text


def test_displays():
    class Own:
        def _repr_html_(self):
            return "<b>own</b>"

    class Silent:
        def _repr_html_(self):
            return None

        def __repr__(self):
            return "<silent>"

    assert display(Own()) == "<b>own</b>"
    assert display(Own) == f"<pre>{escape(repr(Own))}</pre>"
    assert display(Silent()) == "<pre>&lt;silent&gt;</pre>"
    assert picture(b"png", 'a "name"') == (
        '<img alt="a &quot;name&quot;" src="data:image/png;base64,cG5n">'
    )
