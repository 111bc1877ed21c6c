"""This machine: processes started through torchrun."""

from stellwerk.launch.engines.local.command import render_command, render_script
from stellwerk.launch.engines.local.process import LocalProcess, start

__all__ = ["LocalProcess", "render_command", "render_script", "start"]
