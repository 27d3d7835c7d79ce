"""So that `python -m pulse.cli` is `pulse`."""

from pulse.cli import main

if __name__ == "__main__":
    main()
