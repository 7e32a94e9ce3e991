"""``python -m vazao``: the same as the command ``vazao``."""

from vazao.main import cli

if __name__ == "__main__":
    cli()
