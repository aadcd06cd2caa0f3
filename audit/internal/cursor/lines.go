package cursor

import (
	"bytes"
	"context"
	"io"
	"iter"
	"time"

	"github.com/carnet-go/carnet/audit/internal/carry"
	"github.com/carnet-go/carnet/audit/internal/reach"
)

// Log is the Source of one feed. It remembers where the last line ended, so that going on
// costs nothing.
type Log struct {
	Of  *reach.Extent
	Own []byte // what lines hold that the log itself wrote

	at *reach.Cursor // behind the last line that was read; nil: none was
}

// Extent is for Source.
func (l *Log) Extent() (first, next int64, grown <-chan struct{}) { return l.Of.Watch() }

// Lines is for Source.
func (l *Log) Lines(ctx context.Context, from int64) iter.Seq2[Line, error] {
	return func(yield func(Line, error) bool) {
		if l.at == nil || l.at.Index() != from {
			_ = l.Close()
			l.at = l.Of.From(from)
		}
		for {
			line, err := l.at.Next(ctx)
			switch {
			case err == io.EOF:
				return
			case err != nil:
				_ = l.Close()
				yield(Line{}, err)
				return
			}
			if !yield(Line{Index: line.Index, Text: line.Text, Time: timeOf(line.Text), Own: bytes.Contains(line.Text, l.Own)}, nil) {
				return
			}
		}
	}
}

// Close gives the file back that the last line stood in.
func (l *Log) Close() error {
	if l.at != nil {
		l.at.Close()
	}
	l.at = nil
	return nil
}

// timeOf is when a line says that it happened; zero: it does not.
func timeOf(text []byte) time.Time {
	if ms := carry.Time(text); ms != 0 {
		return time.UnixMilli(ms).UTC()
	}
	return time.Time{}
}
