"""What may go wrong when we ask Exotel something or read what it sent.

    ExotelError
      x Unreadable      what came is not anything the vendor sends
      x Unreachable     no whole answer: name, connection, TLS, time, broken off
      x Unauthorised    401: key, token or region
      x PaymentDue      402: out of credit
      x Forbidden       403: KYC, suspended, address not allowed
      x NotFound        404: account, path or region
      x RateLimited     429: carries retry_after
      x Unexpected      any other status

Dialling raises none of these: its answers are the dataclasses of `answers`.
"""


class ExotelError(Exception):
    """Base of all; `try_again` says whether the same question may succeed later without anybody's help."""

    try_again = False


class Unreadable(ExotelError):
    """The bytes cannot be read as anything that Exotel sends; the message says why."""


class Unreachable(ExotelError):
    """No whole answer came."""

    try_again = True


class Unauthorised(ExotelError):
    """401: the key or the token is wrong, or belongs to the other region."""


class PaymentDue(ExotelError):
    """402: the account is out of credit."""


class Forbidden(ExotelError):
    """403: the account may not do this (KYC, suspension, allowed addresses)."""


class NotFound(ExotelError):
    """404: no such account or path at this address."""


class RateLimited(ExotelError):
    """429. `retry_after` is in seconds, 1..600, or None when Exotel did not say."""

    try_again = True

    def __init__(self, message: str, *, retry_after: float | None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Unexpected(ExotelError):
    """Any other status; `http_status` carries it."""

    def __init__(self, message: str, *, http_status: int) -> None:
        super().__init__(message)
        self.http_status = http_status
        self.try_again = http_status >= 500
