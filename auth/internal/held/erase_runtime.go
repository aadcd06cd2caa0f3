//go:build goexperiment.runtimesecret

package held

import "runtime/secret"

// erase has the runtime erase what f makes: registers and stack at once, its allocations when
// nobody has them any more.
func erase(f func()) { secret.Do(f) }
