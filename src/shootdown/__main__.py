"""`python -m shootdown` is the command `shootdown`."""

from shootdown.cli.main import main

if __name__ == "__main__":
    main()
