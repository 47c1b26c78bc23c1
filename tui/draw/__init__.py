"""The drawing core: plain Python from numbers to rows of styled text; it knows no terminal and no toolkit.

A row is a tuple of ``(text, style name)`` pieces. Style names are resolved by ``tui.theme``; widths are terminal cells.
"""
