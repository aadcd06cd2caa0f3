// Package wall shuts the process that it is called in away from the rest of the machine.
//
//	command, alone, err := wall.Start(make)    // of a process that is shut away by this:
//	out, err := wall.Output()
//	up := wall.Raise(time.Minute, 64<<20, out) // and nothing takes it down again
//
// # Guarantees
//
// Behind [Calls] a process opens no file and no socket, starts no process, signals none but
// itself, and makes no new code, as the kernel refuses the system calls: those that a Go program
// needs to compute are let through, and no others. Behind [Limits] it writes no file, leaves no
// core, and ends when it has used its memory or processor time.
//
// # Limits
//
// Calls there are on Linux for amd64 and arm64, Limits on Linux. Files that are open stay open,
// as standard input and output are; others are closed. Threads are not counted: the control group
// bounds them, or the user's limit. A processor that leaks through its caches leaks here too.
//
// # Errors
//
// A wall that cannot be raised is not among those that Raise returns.
//
// # Concurrency
//
// Raise is called once, before there are other goroutines of weight.
package wall

// Wall is one of them.
type Wall uint8

// The walls, as bits.
const (
	Calls   Wall = 1 << iota // system calls
	Limits                   // memory, processor time, files, core
	Network                  // a network of its own, with nobody in it
)
