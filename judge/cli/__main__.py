"""`python -m judge.cli`: the command line without the installed script."""

from judge.cli import main

main()
