package wall

import "golang.org/x/sys/unix"

const arch uint32 = unix.AUDIT_ARCH_X86_64
