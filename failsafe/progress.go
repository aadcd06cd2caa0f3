package failsafe

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/carnet-go/carnet/failsafe/internal/meter"
)

// Progress is how far a batch is. The counts are of items.
type Progress struct {
	Done, RolledBack, Parked int
	Failed                   int           // did not run here, or nobody knows how it ended: ErrConflict, ErrStopped and the like
	Total                    int           // of items; zero: not known
	Run                      string        // the id of the last
	Elapsed                  time.Duration // since the loop began
	Waiting                  []string      // ids of parked runs, in the order in which they parked; the first 1000
	Over                     bool          // nothing more comes
}

const (
	mostWaiting = 1000
	mostNamed   = 8 // of them, in one line
)

// count takes what came of one item.
func (p *Progress) count(run string, err error) {
	p.Run = run
	stopped, ok := errors.AsType[*StoppedError](err)
	switch {
	case err == nil:
		p.Done++
	case !ok || fatal(err):
		p.Failed++
	case stopped.End == RolledBack:
		p.RolledBack++
	default:
		p.Parked++
		if len(p.Waiting) < mostWaiting {
			p.Waiting = append(slices.Clip(p.Waiting), run) // whoever was told keeps what he has
		}
	}
}

// String is one line: done 3, rolled back 1, parked 1 (hire-7), failed 0 of 10. It names
// the first few that are parked.
func (p Progress) String() string {
	if len(p.Waiting) == 0 {
		return p.text("")
	}
	names := strings.Join(p.Waiting[:min(len(p.Waiting), mostNamed)], ", ")
	if p.Parked > mostNamed {
		names += ", …"
	}
	return p.text(" (" + names + ")")
}

func (p Progress) text(names string) string {
	text := fmt.Sprintf("done %d, rolled back %d, parked %d%s, failed %d", p.Done, p.RolledBack, p.Parked, names, p.Failed)
	if p.Total > 0 {
		text += fmt.Sprintf(" of %d", p.Total)
	}
	return text
}

// ProgressTo is for BatchOptions.Progress, of one batch at a time. On a terminal it
// rewrites one line with a bar; elsewhere it writes a line at most once a second. The last
// line is the summary. What cannot be written is lost; a nil w shows nothing.
func ProgressTo(w io.Writer) func(Progress) {
	if w == nil {
		return func(Progress) {}
	}
	show := meter.To(w)
	return func(p Progress) {
		show(meter.Reading{
			Count: p.Done + p.RolledBack + p.Parked + p.Failed, Total: p.Total, Elapsed: p.Elapsed, Over: p.Over,
			Short: p.text(""), Long: p.String(),
		})
	}
}
