"""Tables of any width, whose names stay whole."""

import pytest

pytest.importorskip("torch")

from exactflow.interop.tables import draw_table

HEADS = ["layer", "round trip", "condition", "off by"]
LONG = "transform.transforms.10 (MaskedAutoregressiveTransform)"
ROWS = [HEADS, [LONG, "1.1e-07", "2.9", "4.4e-16"], ["the model (Flow)", "-", "-", "-"]]


@pytest.mark.parametrize("width", range(24, 120))
def test_words_are_whole_at_every_width_that_has_room_for_them(width):
    drawn = draw_table(ROWS, width)
    assert max(map(len, drawn)) <= width
    words = " ".join(drawn).replace(".", " ").split()
    if width >= 31:
        assert "(MaskedAutoregressiveTransform)" in words
    assert "(Flow)" in words
    assert all(cell in " ".join(drawn) for cell in ("1.1e-07", "2.9", "4.4e-16"))


def test_wide_tables_have_a_line_a_row():
    first, second, third = draw_table(ROWS, 100)
    assert first.split("  ")[0] == "layer"
    assert first.endswith("round trip  condition   off by")
    assert second == f"{LONG}     1.1e-07        2.9  4.4e-16"
    assert third.split() == ["the", "model", "(Flow)", "-", "-", "-"]


def test_names_are_broken_after_dots_and_blanks_then_heads():
    for width, heads in ((70, HEADS), (61, ["layer", "round", "condition", "off"])):
        head, *others = draw_table(ROWS, width)
        assert head.split() == " ".join(heads).split()
        at = others.index("(MaskedAutoregressiveTransform)")
        assert others[at - 1].startswith("transform.transforms.10 ")


def test_a_path_is_broken_only_if_no_line_has_room_for_it():
    path = "_transform._transforms.3"
    rows = [HEADS, [f"{path} + {path} + {path}", "1.1e-07", "2.9", "4.4e-16"]]
    names = [line.split("  ")[0] for line in draw_table(rows, 90)]
    assert names == ["layer", f"{path} + {path} +", path]
    names = [line.split("  ")[0] for line in draw_table(rows, 49)]
    assert names == [
        "layer",
        *["_transform.", "_transforms.3 +"] * 2,
        "_transform.",
        "_transforms.3",
    ]


def test_names_stand_on_lines_of_their_own_where_numbers_leave_no_room():
    drawn = draw_table(ROWS, 40)
    assert drawn[2:4] == ["transform.transforms.10", "(MaskedAutoregressiveTransform)"]
    assert drawn[4].split() == ["1.1e-07", "2.9", "4.4e-16"]


def test_rows_are_lists_where_there_is_no_room_for_numbers():
    drawn = draw_table(ROWS, 24)
    assert "round trip: 1.1e-07" in drawn
