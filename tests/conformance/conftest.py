"""The whole product, as tests/product starts it."""

from tests.product.conftest import start

__all__ = ["start"]
