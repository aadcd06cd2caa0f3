package verify

import (
	"io/fs"

	"github.com/carnet-go/carnet/audit/verify/internal/edge"
)

// progress tells how much of the lines was read, of one log or of many.
type progress struct {
	tell        func(done, total int64) // nil: nobody
	done, total int64
	end         int64 // what is done when the log that is being read has ended
}

// progress is over all these logs.
func (o *Options) progress(logs ...Log) *progress {
	p := &progress{}
	if o != nil && o.Progress != nil {
		p.tell = o.Progress
		for _, l := range logs {
			p.total += p.size(l.FS)
		}
	}
	return p
}

func (o *Options) witnesses() (cosigners, error) {
	if o == nil {
		return cosigners{}, nil
	}
	return o.Witnesses.open()
}

// size sums up the segments of a log. What cannot be read is an error later.
func (p *progress) size(log fs.FS) (sum int64) {
	if p.tell == nil || log == nil {
		return 0
	}
	entries, _ := fs.ReadDir(log, "seg")
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() && isSegment(edge.SegmentFolder+e.Name()) {
			sum += info.Size()
		}
	}
	return sum
}

// next ends one log, be it that it was read to its end or not, and begins another one.
func (p *progress) next(size int64) { p.done, p.end = p.end, min(p.end+size, p.total) }

// add counts bytes of a log, which may grow while it is read.
func (p *progress) add(n int) {
	if p.tell != nil {
		p.done = min(p.done+int64(n), p.end)
		p.tell(p.done, p.total)
	}
}
