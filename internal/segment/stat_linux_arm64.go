package segment

import "syscall"

const sysStat = syscall.SYS_FSTATAT
