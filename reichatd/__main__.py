"""`python -m reichatd` runs the `reichatd` command."""

from reichatd.cli import main

if __name__ == "__main__":
    main()
