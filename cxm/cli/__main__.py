"""`python -m cxm.cli`, the same as `cxm`."""

from cxm.cli import main

main()
