"""A real Slurm with accounting and make-believe GPU nodes on this machine, for tests.

    python -m tests.slurm.testbed up FOLDER [NODES [GPUS]]     then: export SLURM_CONF=FOLDER/slurm.conf
    python -m tests.slurm.testbed down FOLDER [NODES]

Everything lies in FOLDER and listens on loopback addresses only; all jobs run as the user who starts it, under
whatever account they name. Root may start it, or a user where the Slurm packages are installed: the database knows
that user by the socket, so there is no password. A user namespace that maps root alone cannot: a job's process may
not set its groups there (scripts/offline gives root a network namespace only).
"""

from __future__ import annotations

import datetime
import os
import pwd
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.slurm.daemons import Daemons, free_ports

PROGRAMS = ("munged", "mariadbd", "mariadb-install-db", "slurmdbd", "slurmctld", "slurmd", "sbatch", "sacct")
CORES_PER_GPU = 8
_TEMPLATE = Path(__file__).with_name("slurm.conf.in")
_SYSTEM_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"  # the daemons lie in /usr/sbin, which not every user searches


def why_not_here() -> str | None:
    """Why Slurm cannot be brought up on this machine; None where it can."""
    missing = [name for name in PROGRAMS if shutil.which(name, path=_SYSTEM_PATH) is None]
    if missing:
        return f"not installed: {', '.join(missing)} (scripts/provision-slurm)"
    if os.getuid() == 0 and Path("/proc/self/setgroups").read_text(encoding="ascii").strip() == "deny":
        return "root is mapped in a user namespace here, where a job's process may not set its groups"
    return None


@dataclass
class Slurm:
    """A running cluster. ``run`` calls one of its commands; ``configure`` changes slurm.conf and starts anew."""

    folder: Path
    nodes: int = 4
    gpus: int = 8
    settings: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._daemons = Daemons(self.folder, {**self.environment, "MYSQL_UNIX_PORT": str(self._database_socket)})

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": _SYSTEM_PATH,
            "HOME": str(self.folder),
            "LC_ALL": "C",
            "TZ": "UTC",
            "SLURM_CONF": str(self.folder / "slurm.conf"),
        }

    def run(self, *command: str, text: str | None = None) -> str:
        """What a command of Slurm prints; raises CalledProcessError with its complaint as a note."""
        try:
            return subprocess.run(
                command, env=self.environment, input=text, capture_output=True, text=True, check=True
            ).stdout
        except subprocess.CalledProcessError as error:
            error.add_note(error.stderr)
            raise

    def up(self) -> None:
        for name in ("log", "pids", "state", "spool", "munge", "database", "gpus"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o755)
        self._write_configuration(free_ports(self.nodes + 2))
        self._start_munge()
        self._start_database()
        self._daemons.start("slurmdbd", "-D")
        self._daemons.wait_for("slurmdbd", lambda: self._succeeds("sacctmgr", "--noheader", "list", "cluster"))
        self.run("sacctmgr", "--immediate", "add", "cluster", "stellwerk")
        self._daemons.start("slurmctld", "-D", "-c")
        for number in range(1, self.nodes + 1):
            (self.folder / "spool" / f"n{number}").mkdir(exist_ok=True)
            self._daemons.start("slurmd", "-D", "-N", f"n{number}", name=f"slurmd-n{number}")
        self._daemons.wait_for("slurmctld", self._has_all_nodes)

    def configure(self, settings: Mapping[str, str]) -> None:
        """Set keys of slurm.conf beside those of the template, which they replace, and restart the controller."""
        ports = [int(word) for word in (self.folder / "ports").read_text(encoding="ascii").split()]
        self.settings = dict(settings)
        self._write_configuration(ports)
        self._daemons.stop("slurmctld")
        self._daemons.start("slurmctld", "-D")
        self._daemons.wait_for("slurmctld", self._has_all_nodes)

    def controller_started(self) -> datetime.datetime:
        """When the controller last came up, in UTC: usage and priorities are worked out anew each minute from then."""
        lines = (self.folder / "log" / "slurmctld").read_text(encoding="utf-8").splitlines()
        line = next(line for line in reversed(lines) if "started on cluster" in line)
        return datetime.datetime.fromisoformat(line[1:24]).replace(tzinfo=datetime.UTC)

    def add_account(self, account: str, shares: int = 1) -> None:
        """An account below the root of the fair-share tree, for the jobs of this user; one that is there stays."""
        if account in self.run("sacctmgr", "-nP", "list", "account", "format=account").split():
            return
        self.run("sacctmgr", "--immediate", "add", "account", account, f"fairshare={shares}")
        self.run("sacctmgr", "--immediate", "add", "user", _user(), f"account={account}")

    def down(self) -> None:
        """End the jobs, then the daemons that ``up`` started."""
        if self._succeeds("scancel", "--user", _user()):
            deadline = time.monotonic() + 10
            while time.monotonic() < deadline and self.run("squeue", "--noheader"):
                time.sleep(0.2)
        self._daemons.stop(*(f"slurmd-n{number}" for number in range(1, self.nodes + 1)))
        for name in ("slurmctld", "slurmdbd", "mariadbd", "munged"):
            self._daemons.stop(name)

    def _write_configuration(self, ports: list[int]) -> None:
        (self.folder / "ports").write_text(" ".join(map(str, ports)), encoding="ascii")
        values = {
            "folder": self.folder, "host": socket.gethostname().partition(".")[0], "user": _user(),
            "port": ports[0], "database_port": ports[1], "first_node_port": ports[2], "last_node_port": ports[-1],
            "nodes": self.nodes, "gpus": self.gpus, "cores": self.gpus * CORES_PER_GPU,
        }  # fmt: skip
        lines = [
            line
            for line in _TEMPLATE.read_text(encoding="utf-8").format(**values).splitlines()
            if line.partition("=")[0] not in self.settings
        ]
        lines += [f"{key}={value}" for key, value in self.settings.items()]
        _write(self.folder / "slurm.conf", lines)
        devices = [self.folder / "gpus" / f"gpu{number}" for number in range(self.gpus)]
        for device in devices:
            if not device.exists():
                device.symlink_to("/dev/null")  # jobs see GPUs in CUDA_VISIBLE_DEVICES only where these are devices
        _write(self.folder / "gres.conf", [f"NodeName=n[1-{self.nodes}] Name=gpu File={d}" for d in devices])
        _write(self.folder / "cgroup.conf", ["CgroupPlugin=cgroup/v1"])  # the default asks systemd over D-Bus
        database = [
            "AuthType=auth/munge", f"AuthInfo=socket={self.folder}/munge/socket", "DbdHost=localhost",
            "DbdAddr=127.0.0.1", f"DbdPort={ports[1]}", f"SlurmUser={_user()}",
            "StorageType=accounting_storage/mysql", "StorageHost=localhost", f"StorageUser={_user()}",
            "StorageLoc=slurm", f"PidFile={self.folder}/pids/slurmdbd.own", f"LogFile={self.folder}/log/slurmdbd",
        ]  # fmt: skip
        _write(self.folder / "slurmdbd.conf", database, mode=0o600)

    def _start_munge(self) -> None:
        key = self.folder / "munge" / "key"
        key.touch(mode=0o600)
        key.write_bytes(os.urandom(128))
        place = self.folder / "munge"
        self._daemons.start(
            "munged", "--foreground", "--force", f"--key-file={key}", f"--socket={place}/socket",
            f"--pid-file={self.folder}/pids/munged.own", f"--log-file={place}/log", f"--seed-file={place}/seed",
        )  # fmt: skip
        self._daemons.wait_for("munged", (place / "socket").exists)

    def _start_database(self) -> None:
        place = f"--datadir={self.folder}/database"
        self.run(
            "mariadb-install-db", "--no-defaults", f"--user={_user()}", place, "--skip-test-db",
            "--auth-root-authentication-method=socket", f"--auth-root-socket-user={_user()}",
        )  # fmt: skip
        self._daemons.start(
            "mariadbd", "--no-defaults", f"--user={_user()}", place, f"--socket={self._database_socket}",
            "--skip-networking", "--innodb-buffer-pool-size=64M", "--innodb-lock-wait-timeout=900",
            "--innodb-flush-log-at-trx-commit=0",
        )  # fmt: skip
        client = ("mariadb", "--no-defaults", f"--socket={self._database_socket}", f"--user={_user()}")
        self._daemons.wait_for("mariadbd", lambda: self._succeeds(*client, "--execute=select 1"))
        self.run(*client, "--execute=create database slurm")

    @property
    def _database_socket(self) -> Path:
        return self.folder / "database" / "socket"

    def _succeeds(self, *command: str) -> bool:
        return subprocess.run(command, env=self.environment, capture_output=True, check=False).returncode == 0

    def _has_all_nodes(self) -> bool:
        command = ("sinfo", "--noheader", "--Node", "--states=idle", "--format=%N")
        found = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)
        return len(found.stdout.split()) == self.nodes


def _user() -> str:
    return pwd.getpwuid(os.getuid()).pw_name


def _write(path: Path, lines: list[str], mode: int = 0o644) -> None:
    path.touch(mode=mode)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["up", folder, *size]:
            Slurm(Path(folder).resolve(), *map(int, size)).up()
        case ["down", folder, *size]:
            Slurm(Path(folder).resolve(), *map(int, size)).down()
        case _:
            sys.exit(__doc__)
