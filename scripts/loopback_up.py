"""Bring loopback up in a fresh network namespace (what ``ip link set lo up`` does), with a second address.

For getaddrinfo with AI_ADDRCONFIG, which Slurm's daemons use, 127.0.0.1 alone is no IPv4 at all.
"""

import fcntl
import socket
import struct

SIOCGIFFLAGS, SIOCSIFFLAGS, SIOCSIFADDR = 0x8913, 0x8914, 0x8916  # linux/sockios.h
IFF_UP = 0x1

with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
    request = struct.pack("16sh14x", b"lo", 0)
    flags = struct.unpack("16sh14x", fcntl.ioctl(any_socket, SIOCGIFFLAGS, request))[1]
    fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | IFF_UP))
    second = struct.pack("16sH2x4s16x", b"lo:1", socket.AF_INET, socket.inet_aton("127.0.0.2"))
    fcntl.ioctl(any_socket, SIOCSIFADDR, second)
