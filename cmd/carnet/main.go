// Command carnet is what a reviewer runs: it verifies logs and proofs, checks boundary
// folders, and tells which runs wait, with nothing of the service that wrote them. It also
// writes the file of secrets that a service reads, and is the witness of logs elsewhere.
//
//	carnet audit verify -key audit.vkey audit
//
// # Guarantees
//
// It reads and never changes what it is given; only boundary init writes, into a folder that
// is new or empty, what is called vault, into the files that it names, audit erase, into a log, audit
// rekey, into a log and beside it, and audit witness, which listens until it is ended, into its own folder. It takes no secret as
// an argument or from the environment, and prints none. A result stands on standard output,
// everything else on standard error. The exit status is 0 where all is well, 1 where something is
// wrong with what was read, or could not be read, and 2 where the command line is wrong. An
// interrupt, SIGTERM or SIGHUP ends it with 1, a witness with 0, and the terminal shows again what
// is typed.
//
// # Limits
//
// It believes the key it is given. Where the key comes from is the reviewer's part.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), signals()...)
	status := run(ctx, os.Args[1:], newConsole(ctx, os.Stdin, os.Stderr), os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}

// signals end the program in order. One that hangs up is not heard where nohup says so.
func signals() []os.Signal {
	all := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		all = append(all, syscall.SIGHUP)
	}
	return all
}
