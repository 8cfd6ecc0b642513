"""What lets servers and libraries use this parser in place of their own. Nothing here is imported by `gemma4_parser`.

`delta` (what changed, per step), `counters`, `profiles` and `pacing` know no server; each other module knows one.
"""
