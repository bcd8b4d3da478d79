"""Share cards: pictures of 1200 x 630 pixels that a chat or a page shows for a link.

A service draws a card as an SVG with `drawing`, and a `Painter` makes a PNG of it.
"""
