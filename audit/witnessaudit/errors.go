package witnessaudit

import "errors"

var (
	// ErrUnavailable means that a witness did not answer, or that it could not.
	ErrUnavailable = errors.New("witnessaudit: the witness is not available")
	// ErrRefused means that a witness does not know the log, or not the key that signed, or
	// does not take the request.
	ErrRefused = errors.New("witnessaudit: the witness refused the checkpoint")
	// ErrFork means that a witness does not see the checkpoint as the continuation of what
	// it cosigned before. Whoever keeps the log has to find out why: a Watcher goes on to say so, and
	// takes no cosignature of that witness, until another one is made.
	ErrFork = errors.New("witnessaudit: the witness has cosigned another history of the log")
	// ErrCosignature means that there is no valid cosignature where one should be: another
	// key's, over something else, or of another time.
	ErrCosignature = errors.New("witnessaudit: not a valid cosignature of the witness")

	// ErrBehind means that a log has not the lines, or not these lines, that stand under its
	// cosigned checkpoint.
	ErrBehind = errors.New("witnessaudit: the log is behind or beside its cosigned checkpoint")
	// ErrAhead means that a witness has cosigned more lines than the log has: the log was
	// cut or restored, or somebody else has its key.
	ErrAhead = errors.New("witnessaudit: the witness has cosigned more lines than the log has")
	// ErrForgot means that a witness knows fewer lines than it has cosigned: its folder was
	// restored, and meanwhile it may have vouched for another history.
	ErrForgot = errors.New("witnessaudit: the witness has forgotten what it cosigned")
)

// ConflictError means that the newest checkpoint that a witness cosigned has another size
// than the proof begins with.
type ConflictError struct {
	Size int64 // that it has; it is the witness's word
}

// Error is for error.
func (*ConflictError) Error() string {
	return "witnessaudit: the witness holds a checkpoint of another size"
}
