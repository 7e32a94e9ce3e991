"""``python -m vazao_agent``, and the entry of ``agent.pyz``."""

import sys

from vazao_agent.cli import main

if __name__ == "__main__":
    sys.exit(main())
