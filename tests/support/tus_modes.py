"""Sends a file with tuspy or aiotus in one of their modes; told as JSON, says JSON lines."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

METADATA = {"filename": "números.txt", "filetype": "text/plain"}
CHUNK = 1 << 20


def tuspy(mode: str, told: dict[str, str]) -> str | None:
    """Send it with tuspy; where it lies."""
    from tusclient.client import TusClient
    from tusclient.storage.filestorage import FileStorage

    client = TusClient(told["endpoint"])
    options: dict[str, Any] = {"metadata": METADATA, "chunk_size": CHUNK}
    if mode == "plain":
        options.pop("chunk_size")
    if mode == "upload_checksum":
        options["upload_checksum"] = True
    if mode == "stream as input":
        with Path(told["file"]).open("rb") as file:
            stream = client.uploader(file_stream=file, **options)
            stream.upload()
            return stream.url
    if mode == "resumed from URL storage":
        options |= {"store_url": True, "url_storage": FileStorage(told["urls"])}
        begun = client.uploader(told["file"], **options)
        begun.upload_chunk()
        print(json.dumps({"begun": begun.url, "offset": begun.offset}))
    uploader = client.uploader(told["file"], **options)
    print(json.dumps({"offset": uploader.offset}))
    uploader.upload()
    return uploader.url


async def aiotus(mode: str, told: dict[str, str]) -> str | None:
    """Send it with aiotus; where it lies."""
    import aiotus as library

    metadata = {name: value.encode() for name, value in METADATA.items()}
    with Path(told["file"]).open("rb") as file:
        if mode == "upload_multiple":
            import io

            body = file.read()
            pieces = [io.BytesIO(body[at : at + len(body) // 3 + 1])
                      for at in range(0, len(body), len(body) // 3 + 1)]
            found = await library.upload_multiple(told["endpoint"], pieces, metadata=metadata)
        else:
            size = CHUNK if mode == "chunksize" else 4 << 20
            found = await library.upload(told["endpoint"], file, metadata, chunksize=size)
    if mode == "metadata":
        assert found is not None
        assert (await library.metadata(str(found)))["filename"] == METADATA["filename"].encode()
    return None if found is None else str(found)


def main() -> None:
    """Do what the argument says."""
    told = json.loads(sys.argv[1])
    if told["client"] == "tuspy":
        url = tuspy(told["mode"], told)
    else:
        url = asyncio.run(aiotus(told["mode"], told))
    print(json.dumps({"url": url} if url else {"error": "no address came back"}))


if __name__ == "__main__":
    main()
