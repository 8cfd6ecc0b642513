"""`python -m gemma4_parser`."""

from gemma4_parser.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
