"""The peak memory of this process."""

from pathlib import Path


def peak_bytes() -> int | None:
    """The most physical memory this process has held, bytes; None where the system does not tell.

    From /proc and not from getrusage: ru_maxrss survives exec, so it starts at what the parent held.
    """
    status = Path("/proc/self/status")
    if not status.exists():
        return None
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024
