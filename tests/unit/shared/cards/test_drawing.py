"""Share cards as SVG."""

from services.shared.cards import drawing
from services.shared.cards.drawing import Axis, Style, Value


def test_a_card_is_one_svg_with_title_body_and_notes() -> None:
    assert drawing.card("A & B", "about", [drawing.rule(300)], ["left", "right"]) == (
        '<svg xmlns="http://www.w3.org/2000/svg" width="1200" height="630" viewBox="0 0 1200 630" font-family="Roboto">'
        '<rect width="1200" height="630" fill="#10151c"/>'
        '<path d="M64 46V66M74 38V74" stroke="#5cb8ff" stroke-width="5" stroke-linecap="round"/>'
        '<path d="M86 50V62M96 42V70" stroke="#a3b0c0" stroke-width="5" stroke-linecap="round"/>'
        '<text x="116" y="65" font-size="26" font-weight="700" fill="#a3b0c0" text-anchor="start">Voice Arena</text>'
        '<text x="64" y="132" font-size="50" font-weight="700" fill="#f1f4f8" text-anchor="start">A &amp; B</text>'
        '<text x="64" y="172" font-size="26" font-weight="400" fill="#a3b0c0" text-anchor="start">about</text>'
        '<path d="M64 300H1136" stroke="#2b3542" stroke-width="2"/>'
        '<path d="M64 576H1136" stroke="#2b3542" stroke-width="2"/>'
        '<text x="64" y="608" font-size="22" font-weight="400" fill="#a3b0c0" text-anchor="start">left</text>'
        '<text x="1136" y="608" font-size="22" font-weight="400" fill="#a3b0c0" text-anchor="end">right</text>'
        "</svg>"
    )


def test_markup_in_a_text_is_escaped() -> None:
    drawn = drawing.words(0, 0, "</text><script>&amp;", Style(), 900)
    assert drawn.endswith(">&lt;/text&gt;&lt;script&gt;&amp;amp;</text>")


def test_an_interval_is_a_dot_and_a_line_with_ends() -> None:
    axis = Axis(100, 300, 0, 100)
    assert drawing.interval(axis, 50, Value(50, 25, 75), "#fff") == [
        '<path d="M150.0 42V58M150.0 50H250.0M250.0 42V58" stroke="#fff" stroke-width="4" fill="none"/>',
        '<circle cx="200.0" cy="50" r="9" fill="#fff"/>',
    ]
    assert drawing.interval(axis, 50, Value(50), "#fff") == ['<circle cx="200.0" cy="50" r="9" fill="#fff"/>']


def test_an_axis_has_room_for_all_intervals_and_is_not_too_short() -> None:
    wide = Axis.of(0, 100, [Value(1500, 1400, 1600), Value(1700)], 40)
    assert (wide.low, wide.high) == (1382, 1718)
    short = Axis.of(0, 100, [Value(1500), Value(1500)], 40)
    assert (short.low, short.high) == (1477.6, 1522.4)
    assert short.place(1500) == 50
    assert (short.place(0), short.place(9999)) == (0, 100)
