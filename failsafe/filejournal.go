package failsafe

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/carnet-go/carnet/failsafe/internal/file"
	"github.com/carnet-go/carnet/failsafe/internal/frames"
	"github.com/carnet-go/carnet/failsafe/internal/peek"
)

var errVersion = fmt.Errorf("%w: it is of another version", ErrDamaged)

// meanings are the embedded journal's errors in terms of any.
var meanings = map[error]error{
	file.ErrOwned:     ErrOwned,
	file.ErrDamaged:   ErrDamaged,
	file.ErrVersion:   errVersion,
	frames.ErrVersion: errVersion,
	frames.ErrDamaged: ErrDamaged,
	file.ErrFolder:    fmt.Errorf("%w: the folder cannot be made or read", ErrJournal),
	file.ErrFull:      fmt.Errorf("%w: the disk has no space", ErrJournal),
	file.ErrLost:      fmt.Errorf("%w: somebody else removed, moved or changed the journal, or the disk failed; no more is written", ErrJournal),
	file.ErrPlace:     fmt.Errorf("%w: another frame has this place in its run, or none has the one before", ErrJournal),
	file.ErrTooLong:   fmt.Errorf("%w: the state is too large", ErrJournal),
	peek.ErrNone:      fmt.Errorf("%w: there is none in the folder, or it cannot be read", ErrJournal),
	file.ErrClosed:    fmt.Errorf("%w: the journal is closed", ErrJournal),
}

// meaning leaves the errors of contexts, and those of closing, as they are.
func meaning(err error) error {
	if err == nil {
		return nil
	}
	for of, is := range meanings {
		if errors.Is(err, of) {
			return is
		}
	}
	return err
}

// fileJournal is the embedded Journal.
type fileJournal struct{ *file.Journal }

// OpenJournal opens the embedded journal in a folder, which it makes where there is none,
// and locks it: ErrOwned. What a crash left behind the last commit is cut; anything else
// that is wrong is ErrDamaged, and nothing is changed. A file that is mostly of runs that
// have ended is written anew without them. A folder that somebody has emptied is a new
// journal: that runs are missing only the audit log can tell.
func OpenJournal(ctx context.Context, dir string) (Journal, error) {
	j, err := file.Open(ctx, dir)
	if err != nil {
		return nil, meaning(err)
	}
	return fileJournal{j}, nil
}

// Append is for Journal.
func (j fileJournal) Append(ctx context.Context, f Frame) error {
	return meaning(j.Journal.Append(ctx, frames.Record(f)))
}

// Frames is for Journal.
func (j fileJournal) Frames(ctx context.Context) iter.Seq2[Frame, error] {
	return func(yield func(Frame, error) bool) {
		for r, err := range j.Records(ctx) {
			if !yield(Frame(r), meaning(err)) {
				return
			}
		}
	}
}
