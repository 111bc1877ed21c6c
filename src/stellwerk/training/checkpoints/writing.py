"""One process's part in writing a checkpoint: torch.distributed.checkpoint's planner and file format, with a checksum
taken on the way and errors of the disk kept."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from torch import Tensor
from torch.distributed.checkpoint.default_planner import DefaultSavePlanner
from torch.distributed.checkpoint.filesystem import FileSystem, FileSystemWriter
from torch.distributed.checkpoint.metadata import Metadata, MetadataIndex
from torch.distributed.checkpoint.planner import SavePlan
from torch.distributed.checkpoint.storage import WriteResult

from stellwerk.training.checkpoints.manifest import FileRecord

BYTES_PER_ITEM = 4096
"""At most what a tensor takes in a file beside its data: the frame that torch.save puts around it."""
BUFFER_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Share:
    """What one process wrote."""

    results: list[WriteResult]
    files: dict[str, FileRecord]


class StagedPlanner(DefaultSavePlanner):
    """Plans with the tensors of the training, and takes their data from the copy."""

    def __init__(self) -> None:
        super().__init__(flatten_state_dict=False, flatten_sharded_tensors=False)
        self.staged: Mapping[str, Tensor] = {}

    def lookup_object(self, index: MetadataIndex) -> Any:
        return self.staged[index.fqn]


class ShareWriter:
    """Writes this process's files of one checkpoint after the other."""

    def __init__(self, planner: StagedPlanner) -> None:
        self._planner = planner
        self._writer = _ChecksummingWriter()

    def prepare(self, plans: list[SavePlan]) -> list[SavePlan]:
        """Gives each process's plan the names of its files."""
        return self._writer.prepare_global_plan(plans)

    def write(self, folder: Path, plan: SavePlan) -> Share:
        """Writes this process's share and hands it to the disk. Raises OSError."""
        self._begin(folder)
        results = self._writer.write_data(plan, self._planner).value()
        return Share(results, self._writer.files)

    def write_index(self, folder: Path, metadata: Metadata, results: list[list[WriteResult]]) -> dict[str, FileRecord]:
        """Writes where each tensor lies, as torch.distributed.checkpoint does. Raises OSError."""
        self._begin(folder)
        self._writer.finish(metadata, results)
        return self._writer.files

    def _begin(self, folder: Path) -> None:
        self._writer.reset(folder)
        self._writer.fs = _ChecksummingFiles()


def needed_bytes(plans: list[SavePlan]) -> int:
    """What a checkpoint with these plans takes on the disk, at most."""
    items = [item for plan in plans for item in plan.items]
    return sum((item.tensor_storage_size() or 0) + BYTES_PER_ITEM for item in items)


class _ChecksummingWriter(FileSystemWriter):
    def __init__(self) -> None:
        # No copying ahead: the data already lies in main memory.
        super().__init__("", single_file_per_rank=True, sync_files=True, thread_count=1, per_thread_copy_ahead=0)

    @property
    def files(self) -> dict[str, FileRecord]:
        return cast(_ChecksummingFiles, self.fs).files

    def storage_meta(self) -> None:
        """Nothing: the folder's name at the time of writing would be out of date at once."""


class _ChecksummingFiles(FileSystem):
    def __init__(self) -> None:
        self.files: dict[str, FileRecord] = {}

    @contextmanager
    def create_stream(self, path: str | os.PathLike, mode: str) -> Iterator[io.IOBase]:
        path = Path(path)
        with path.open(mode, buffering=0) as file:
            stream = _ChecksummingStream(cast(io.FileIO, file))
            yield cast(io.IOBase, stream)
            stream.flush_to_file()
        self.files[path.name] = FileRecord(stream.tell(), stream.hexdigest())

    def rename(self, path: str | os.PathLike, new_path: str | os.PathLike) -> None:
        super().rename(path, new_path)
        self.files[Path(new_path).name] = self.files.pop(Path(path).name)


class _ChecksummingStream:
    """A file that is only written forwards.

    torch.save calls ``write`` from C++, whose writer does not survive an exception: it writes its index all the same
    and then reports that its position is off. So the first failure is kept, what follows it is dropped, and the
    failure is raised when the data is handed to the disk.
    """

    def __init__(self, file: io.FileIO) -> None:
        self._file = file
        self._checksummed = _Checksummed(file)
        self._buffer = io.BufferedWriter(self._checksummed, BUFFER_BYTES)  # torch.save writes in small pieces
        self._position = 0
        self._failure: OSError | None = None

    def write(self, data: Any) -> int:
        size = memoryview(data).nbytes
        self._position += size
        if self._failure is None:
            try:
                self._buffer.write(data)
            except OSError as error:
                self._failure = error
        return size

    def tell(self) -> int:
        return self._position

    def flush(self) -> None:
        """Nothing: torch calls it after every tensor."""

    def fileno(self) -> int:
        """For fsync, hence with everything in the file."""
        self.flush_to_file()
        return self._file.fileno()

    def close(self) -> None:
        """Nothing: whoever opened the file closes it."""

    def flush_to_file(self) -> None:
        """Raises the OSError that ``write`` kept."""
        if self._failure is not None:
            raise self._failure
        self._buffer.flush()

    def hexdigest(self) -> str:
        return self._checksummed.sha256.hexdigest()


class _Checksummed(io.RawIOBase):
    """Writes to a file and takes the checksum of what was written."""

    def __init__(self, file: io.FileIO) -> None:
        self._file = file
        self.sha256 = hashlib.sha256()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        written = self._file.write(data)
        self.sha256.update(memoryview(data)[:written])
        return written
