"""Exotel's words stop here: requests out, answers and callbacks in, no Django and no domain inside.

`payloads` writes the dial request, `client` sends it at most once and reads call details, `callbacks` reads what
Exotel sends us, `statuses` is the one table between its words and ours.
"""
