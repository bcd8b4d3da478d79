"""Makes one PNG: reads an SVG from standard input and writes the picture to standard output.

`Painter` starts this as a process of its own. The rasteriser holds Python's lock for about a tenth of a second, and a
process can be ended when it takes too long.
"""

import sys

import resvg_py

from services.shared.cards.fonts import FAMILY, FOLDER


def main() -> None:
    """Writes the PNG. The picture depends on the SVG alone: the fonts of the machine are not used."""
    picture = resvg_py.svg_to_bytes(
        svg_string=sys.stdin.buffer.read().decode(),
        skip_system_fonts=True,
        font_files=sorted(str(path) for path in FOLDER.glob("*.ttf")),
        font_family=FAMILY,
    )
    sys.stdout.buffer.write(picture)


if __name__ == "__main__":
    main()
