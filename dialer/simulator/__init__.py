"""The pretend Exotel: its REST face, its callbacks and its media streams over real sockets.

The core (`exchange`, `conversation`, `fates`, `orders`, `documents`, `callbacks`, `rest`) does no I/O and
reads no clock; `asgi`, `person`, `delivery` and `wire` do nothing else. No code is shared with the product.
"""
