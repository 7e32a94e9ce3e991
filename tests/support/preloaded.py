"""What the process that commands are forked from has loaded already."""

import vazao_agent.cli
from vazao.main import registry

registry()
assert vazao_agent.cli.COMMANDS
