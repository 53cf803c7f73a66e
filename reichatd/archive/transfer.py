"""Copies between stores and backups. Each function may be cancelled at any point, and run again."""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from itertools import chain, islice, zip_longest
from pathlib import Path
from tempfile import TemporaryDirectory

import trio

from reichatd.archive.errors import BadArchive
from reichatd.archive.files import BackupReader, BackupWriter, reading
from reichatd.archive.format import described
from reichatd.store import sqlite
from reichatd.store.bulk import Loader, Stored

Progress = Callable[[str, int], None]
"""Receives what is being done, and the position in the backup in bytes."""


async def back_up(pages: AsyncIterator[list[Stored]], writer: BackupWriter, progress: Progress) -> None:
    """Writes all pages of a store to a backup."""
    async for page in pages:
        await trio.to_thread.run_sync(writer.add, page)
        progress("writing", writer.bytes)


async def restore(
    path: Path, open_loader: Callable[[], AbstractAsyncContextManager[Loader]], progress: Progress
) -> Counter[str]:
    """Fills a store from a backup. Before the store is changed, the whole backup is read and verified.

    Returns: the number of records of each type.

    Errors: BadArchive, OSError, StoreError.
    """
    await check(path, progress)
    async with open_loader() as loader:
        return await _load(path, loader, progress)


async def check(path: Path, progress: Progress) -> None:
    """Reads a backup to its end. Errors: BadArchive, OSError."""
    with reading(path) as reader:
        pages = reader.pages()
        while await trio.to_thread.run_sync(next, pages, None):
            progress("checking", reader.bytes)


async def verify(path: Path, progress: Progress) -> Counter[str]:
    """Restores a backup into a temporary store, and compares every record of that store with the backup.

    Returns: the number of records of each type.

    Errors: BadArchive, OSError, StoreError.
    """
    with TemporaryDirectory(prefix="reichatd-verify-") as directory:
        temporary = Path(directory) / "temporary.sqlite3"
        await restore(path, lambda: sqlite.restoring(temporary, replace=False), progress)
        async with sqlite.dumping(temporary) as pages:
            with reading(path) as reader:
                await _compare(reader, pages, progress)
            return reader.counts


async def _load(path: Path, loader: Loader, progress: Progress) -> Counter[str]:
    with reading(path) as reader:
        pages = reader.pages()
        while page := await trio.to_thread.run_sync(next, pages, None):
            await loader.load(page)
            progress("restoring", reader.bytes)
        return reader.counts


async def _compare(reader: BackupReader, pages: AsyncIterator[list[Stored]], progress: Progress) -> None:
    written = chain.from_iterable(reader.pages())
    async for page in pages:
        expected = await trio.to_thread.run_sync(_take, written, len(page))
        if page != expected:
            _raise_first_difference(expected, page)
        progress("comparing", reader.bytes)
    if rest := await trio.to_thread.run_sync(_take, written, 1):
        _raise_first_difference(rest, [])


def _take(records: Iterator[Stored], count: int) -> list[Stored]:
    return list(islice(records, count))


def _raise_first_difference(written: list[Stored], restored: list[Stored]) -> None:
    for one, other in zip_longest(written, restored):
        if one != other:
            raise BadArchive(f"the restored store differs from it: {described(one)} became {described(other)}")
