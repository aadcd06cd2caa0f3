package wall

import "golang.org/x/sys/unix"

const arch uint32 = unix.AUDIT_ARCH_AARCH64
