"""One file a bot. A bot's name in `settings.BOTS` points at the SPEC of its file."""
