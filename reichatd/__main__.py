"""`python -m reichatd` is `reichatd`."""

from reichatd.cli import main

if __name__ == "__main__":
    main()
