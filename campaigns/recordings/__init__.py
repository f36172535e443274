"""Recordings end to end: which addresses may be fetched, fetching, verifying, storing, measuring.

addresses    the allow list: what may be fetched, and whether our key goes along
downloading  one answer streamed to a file, verified, within limits of size and time
finding      candidates of a call, from callbacks, Passthru and call details
keeping      which recordings are due, one try of each, what its result means
waveform     the peaks that the page draws
ranges       which bytes of a stored recording a browser asks for
"""
