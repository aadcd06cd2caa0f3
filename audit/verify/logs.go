package verify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/carnet-go/carnet/audit/verify/internal/edge"
)

// ErrNoOrigin: logs do not say which of them are missing, so whoever verifies several knows
// their origins from elsewhere.
var ErrNoOrigin = errors.New("verify: no expected origin given, and logs do not tell which of them are missing")

// Reports are what several logs prove. Zero Reports prove nothing.
type Reports struct {
	Logs    []Report // of each log, in the order in which they were given
	Unknown []string // expected origins of which no log was verified: nobody knows what is in them
}

// Clean reports whether each log was verified and none is missing.
func (r Reports) Clean() bool {
	found := func(r Report) bool { return len(r.Findings) > 0 || r.Events == 0 }
	return len(r.Logs) > 0 && len(r.Unknown) == 0 && !slices.ContainsFunc(r.Logs, found)
}

// String is "N logs verified", or the first thing that is wrong.
func (r Reports) String() string {
	for _, l := range r.Logs {
		if len(l.Findings) > 0 || l.Events == 0 {
			return l.String()
		}
	}
	if len(r.Unknown) > 0 {
		return fmt.Sprintf("%q: no log was verified, so what is in it is unknown", r.Unknown[0])
	}
	if len(r.Logs) == 0 {
		return "nothing was verified"
	}
	return fmt.Sprintf("%d logs verified", len(r.Logs))
}

// Logs verifies several logs, and what only all of them show: that one is missing, that one
// belongs to nobody who was expected, or that two of one origin tell different histories. Two
// that agree, such as a log and an older copy, are no finding. Expected origins are required.
//
// The error is about arguments and reading, as Dir's is. A log that cannot be read leaves a
// zero Report, and its origin unknown; the others are verified nevertheless.
func Logs(ctx context.Context, logs []Log, expected []string, o *Options) (Reports, error) {
	if len(expected) == 0 || slices.Contains(expected, "") {
		return Reports{}, ErrNoOrigin
	}
	all := Reports{Logs: make([]Report, len(logs))}
	p := o.progress(logs...)
	var errs []error
	for i, l := range logs {
		p.next(p.size(l.FS))
		r, err := l.verify(ctx, o, p)
		if ctx.Err() != nil {
			return Reports{}, ctx.Err()
		}
		if errs = append(errs, err); err == nil && r.Origin != "" && !slices.Contains(expected, r.Origin) {
			r.add(Finding{codeOrigin, edge.SegmentName(r.First), r.First})
			r.sort()
		}
		all.Logs[i] = r
	}
	all.forks(logs)
	all.missing(expected)
	return all, errors.Join(errs...)
}

// missing lists the origins that no log has. A log whose genesis event is not trusted has none.
func (r *Reports) missing(expected []string) {
	for _, origin := range expected {
		is := func(l Report) bool { return l.Origin == origin }
		if !slices.ContainsFunc(r.Logs, is) && !slices.Contains(r.Unknown, origin) {
			r.Unknown = append(r.Unknown, origin)
		}
	}
}

// forks compares logs of one origin that are right each by itself. The finding is the later
// one's; nobody can tell which of the two is the true one.
func (r *Reports) forks(logs []Log) {
	var right []int
	for i, l := range r.Logs {
		if len(l.Findings) == 0 {
			right = append(right, i)
		}
	}
	for n, i := range right {
		for _, j := range right[:n] {
			a, b := &r.Logs[j], &r.Logs[i]
			size := min(a.First+a.Events, b.First+b.Events)
			if a.Origin != b.Origin || size == 0 {
				continue
			}
			if at := differ(logs[j].FS, logs[i].FS, size); at >= 0 {
				b.add(Finding{codeFork, edge.SegmentName(b.First), at})
			}
		}
	}
}

// differ is the first line in which two logs are not the same, as far as both go; -1: none.
// Their tiles tell: those of a log without findings are of its lines.
func differ(a, b fs.FS, size int64) int64 {
	x, y := leaves{log: a}, leaves{log: b}
	for index := int64(0); index < size; index++ {
		p, q := x.at(index), y.at(index)
		if p == nil || !bytes.Equal(p, q) {
			return index
		}
	}
	return -1
}

// leaves reads the hashes of lines, one after the other.
type leaves struct {
	log  fs.FS
	data []byte
}

// at is the hash of a line; nil: it cannot be read any more.
func (l *leaves) at(index int64) []byte {
	n, i := index/tileWidth, int(index%tileWidth)*tlog.HashSize
	if i == 0 {
		t := tiles{log: l.log, found: func(Finding) {}, size: (n + 1) * tileWidth}
		l.data = nil
		if t.load(0, n) == nil {
			l.data = t.levels[0].data
		}
	}
	if i+tlog.HashSize > len(l.data) {
		return nil
	}
	return l.data[i : i+tlog.HashSize]
}
