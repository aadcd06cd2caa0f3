// Package reach is how far a log reaches: in which files its lines stand, which of them
// are on the disk, and which are signed.
//
//	extent := reach.New(os.DirFS(dir), parts)
//	extent.Grow(lines, bytes)              // by the committer
//
//	cursor := extent.From(index)           // by whoever reads, in constant memory
//	defer cursor.Close()
//	line, err := cursor.Next(ctx)          // io.EOF: no more is on the disk yet
//	err = cursor.Wait(ctx)                 // until more is; io.EOF: the log is closed
//
// # Guarantees
//
// A cursor yields leaves in the order of their index, each once, without a gap, and only
// what was durable: what is being written does not show. It crosses from one segment to
// the next by itself. Nothing is polled: Wait sleeps on a channel that the next commit
// closes.
//
// # Limits
//
// Lines are read, not verified. A cursor remembers where lines begin, one of some
// thousand, so that whoever reads on need not begin anew.
//
// # Errors
//
// They speak for package audit, which passes them on. [ErrNotKept] is a line that
// retention took away. No error has a path.
//
// # Concurrency
//
// An Extent and a Signed are safe for concurrent use. A Cursor has one user. Every read
// waits for the disk at most until its ctx ends; a disk that hangs holds a few goroutines
// of a log and no more, however many readers there are.
package reach
