package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/audit/verify"
)

// auditFigures are those of the log.
func auditFigures() group {
	return group{"audit", []figure{
		{"audit/together", "events of many callers at once, durable and in the tree, against a write and a sync of each", logTogether},
		{"audit/tessera", "the same, against tessera's POSIX storage", logTessera},
		{"audit/tree", "the same, against a group commit of lines without tree and checkpoints", logTree},
		{"audit/one", "an event of a single caller, against a write and a sync of its line", logOne},
		{"audit/many", "events of 4,096 callers at once, against those of 256", logMany},
		{"audit/sink", "p99 of an event beside a sink that is dead, against a log without one", logSink},
		{"audit/noise", "p99 of an event while bad tokens come, against one without them", logNoise},
		{"audit/allocations", "allocations of one Append", logAllocations},
		{"audit/proof", "bytes of a proof in a log of many lines", logProof},
		{"audit/reopen", "Open of a log of 1 GiB", logReopen},
		{"audit/verify", "bytes of a log that are verified, against SHA-256 over them", logVerify},
	}}
}

const crowd = 256

// crossing is an event as a gate fills it.
func crossing() audit.Event {
	return audit.Event{
		Tenant: "acme", Instance: "a", Actor: audit.Actor{Issuer: "https://login.acme.example", Subject: "u-4711"},
		Action: "crm.contact.read", System: "crm", Jurisdictions: []string{"eu"}, Effect: "read-only", Outcome: audit.OutcomeSuccess, Status: 200,
		Boundary: "0123456789abcdef0123456789abcdef", Trace: "0123456789abcdef0123456789abcdef",
	}
}

// record is a log for as long as it is used.
func (s *session) record(ctx context.Context, use func(dir string, log *audit.Log) error) (err error) {
	dir, remove, err := s.folder()
	if err != nil {
		return err
	}
	defer remove()
	path := filepath.Join(dir, "log")
	if err := audit.Create(ctx, path, "carnet.invalid/benchmarks", nil); err != nil {
		return err
	}
	log, err := audit.Open(ctx, path, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closed(ctx, log)) }()
	return use(path, log)
}

// closed is that nobody writes any more, after an interrupt too.
func closed(ctx context.Context, log *audit.Log) error {
	ctx, cancel := afterwards(ctx)
	defer cancel()
	return log.Close(ctx)
}

// appended is a turn of n events by so many callers: nanoseconds for each.
func appended(ctx context.Context, log *audit.Log, n, atOnce int) turn {
	return func() (float64, error) {
		e := crossing()
		return spread(ctx, n, atOnce, func(int) error {
			_, err := log.Append(ctx, e)
			return err
		})
	}
}

// spread is how long do takes for each of n, by so many callers.
func spread(ctx context.Context, n, atOnce int, do func(int) error) (float64, error) {
	runtime.GC()
	began := time.Now()
	err := many(ctx, n, atOnce, do)
	return float64(time.Since(began)) / float64(n), err
}

// lineSize is how many bytes a line of the crossing has, with its newline.
func lineSize(ctx context.Context, log *audit.Log, path string) (int64, error) {
	before, err := size(path, "*.jsonl")
	if err != nil {
		return 0, err
	}
	const lines = 256
	if _, err := appended(ctx, log, lines, lines)(); err != nil {
		return 0, err
	}
	after, err := size(path, "*.jsonl")
	return (after - before) / lines, err
}

const segments = "seg" // folder of the lines

// logTogether compares with what waits for the disk with each event.
func logTogether(ctx context.Context, s *session) (lines []line, err error) {
	err = s.record(ctx, func(path string, log *audit.Log) error {
		size, err := lineSize(ctx, log, path)
		if err != nil {
			return err
		}
		wait, err := newBare(filepath.Dir(path), "bare", size)
		if err != nil {
			return err
		}
		defer wait.file.Close()
		c, err := s.durably(ctx, s.few, appended(ctx, log, s.events(), crowd), bareTurn(s.steps, wait))
		lines = []line{{
			name: "audit/together", value: 1 / c.ratio, least: true, target: 40,
			detail: fmt.Sprintf("Append of %d callers %s for an event, write and fdatasync of %d bytes %s; min/min %.2f, %d rounds", crowd, ns(c.ours), size, ns(c.theirs), 1/c.least, c.rounds),
		}}
		return err
	})
	return lines, err
}

// events are so many that a turn has some commits.
func (s *session) events() int { return s.steps * crowd }

// logTree compares with a committer that makes no tree of the same lines, which it need not make
// either.
func logTree(ctx context.Context, s *session) (lines []line, err error) {
	err = s.record(ctx, func(path string, log *audit.Log) error {
		size, err := lineSize(ctx, log, path)
		if err != nil {
			return err
		}
		group, err := newGroup(filepath.Dir(path), int(size))
		if err != nil {
			return err
		}
		defer group.close()
		theirs := func() (float64, error) {
			return spread(ctx, s.events(), crowd, func(int) error { return group.append() })
		}
		c, err := s.compare(ctx, s.few, appended(ctx, log, s.events(), crowd), theirs)
		lines = []line{{
			name: "audit/tree", value: 1 / c.ratio, least: true, target: 0.7,
			detail: fmt.Sprintf("Append of %d callers %s for an event, group commit of lines of %d bytes that are there %s; min/min %.2f, %d rounds", crowd, ns(c.ours), size, ns(c.theirs), 1/c.least, c.rounds),
		}}
		return err
	})
	return lines, err
}

// logOne compares one event after the other, half of which are faster than the median.
func logOne(ctx context.Context, s *session) (lines []line, err error) {
	err = s.record(ctx, func(path string, log *audit.Log) error {
		size, err := lineSize(ctx, log, path)
		if err != nil {
			return err
		}
		wait, err := newBare(filepath.Dir(path), "bare", size)
		if err != nil {
			return err
		}
		defer wait.file.Close()
		e := crossing()
		half := func(do func() error) turn {
			return func() (float64, error) {
				took := make([]float64, s.steps)
				for i := range took {
					began := time.Now()
					if err := do(); err != nil {
						return 0, err
					}
					took[i] = float64(time.Since(began))
				}
				return median(took), ctx.Err()
			}
		}
		c, err := s.durably(ctx, s.rounds, half(func() error { _, err := log.Append(ctx, e); return err }), half(wait.write))
		lines = []line{{
			name: "audit/one", value: c.ratio, target: 1.3,
			detail: fmt.Sprintf("p50 of Append %s, of write and fdatasync of %d bytes %s; %v", ns(c.ours), size, ns(c.theirs), c),
		}}
		return err
	})
	return lines, err
}

// logMany compares many callers with a few more than there are processors.
func logMany(ctx context.Context, s *session) (lines []line, err error) {
	const all = 4096
	err = s.record(ctx, func(_ string, log *audit.Log) error {
		n := max(s.events(), 4*all)
		c, err := s.compare(ctx, s.few, appended(ctx, log, n, all), appended(ctx, log, n, crowd))
		lines = []line{{
			name: "audit/many", value: c.ratio, target: 1.2,
			detail: fmt.Sprintf("Append of %d callers %s for an event, of %d callers %s; %v", all, ns(c.ours), crowd, ns(c.theirs), c),
		}}
		return err
	})
	return lines, err
}

// deaf is a sink that never answers.
type deaf struct{}

// Deliver implements audit.Sink.
func (deaf) Deliver(ctx context.Context, _ []audit.Entry) (int, error) {
	<-ctx.Done()
	return 0, ctx.Err()
}

// slowest is of a hundred events of 64 callers.
func (s *session) slowest(ctx context.Context, log *audit.Log, e audit.Event) turn {
	return func() (float64, error) {
		took := make([]float64, s.events())
		err := many(ctx, len(took), 64, func(i int) error {
			began := time.Now()
			_, err := log.Append(ctx, e)
			took[i] = float64(time.Since(began))
			return err
		})
		slices.Sort(took)
		return took[len(took)*99/100], err
	}
}

// logSink compares the slowest of a hundred events.
func logSink(ctx context.Context, s *session) (lines []line, err error) {
	err = s.record(ctx, func(path string, log *audit.Log) (err error) {
		beside := path + "-sink"
		if err := audit.Create(ctx, beside, "carnet.invalid/sink", nil); err != nil {
			return err
		}
		other, err := audit.Open(ctx, beside, &audit.Options{
			Jurisdictions: []string{"eu"},
			Feeds:         []audit.Feed{{Name: "siem", To: deaf{}, Jurisdictions: []string{"eu"}, Clearance: "internal", Within: time.Second}},
		})
		if err != nil {
			return err
		}
		defer func() {
			if e := closed(ctx, other); !errors.Is(e, audit.ErrBehind) { // the sink has nothing
				err = errors.Join(err, e)
			}
		}()
		c, err := s.compare(ctx, s.few, s.slowest(ctx, other, crossing()), s.slowest(ctx, log, crossing()))
		lines = []line{{
			name: "audit/sink", value: c.ratio, target: 1.2,
			detail: fmt.Sprintf("p99 of Append of 64 callers beside a dead sink %s, without one %s; %v", ns(c.ours), ns(c.theirs), c),
		}}
		return err
	})
	return lines, err
}

// logAllocations counts those of one caller.
func logAllocations(ctx context.Context, s *session) (lines []line, err error) {
	err = s.record(ctx, func(_ string, log *audit.Log) error {
		e := crossing()
		n, err := allocations(repeated(func() error { _, err := log.Append(ctx, e); return err }))
		lines = []line{{name: "audit/allocations", value: n, unit: "allocs", target: 2, detail: "Append of one caller, with what the committer allocates for it"}}
		return err
	})
	return lines, err
}

// logProof is the size of the last proof of a log.
func logProof(ctx context.Context, s *session) (lines []line, err error) {
	err = s.record(ctx, func(_ string, log *audit.Log) error {
		n := 4 * s.events()
		if _, err := appended(ctx, log, n, crowd)(); err != nil {
			return err
		}
		r, err := log.Append(ctx, crossing())
		if err != nil {
			return err
		}
		proof, err := log.Proof(ctx, r.Index/2)
		lines = []line{{
			name: "audit/proof", value: float64(len(proof)), unit: "bytes", target: 1500,
			detail: fmt.Sprintf("with its checkpoint, of the middle of %d lines; each doubling of the lines is %d bytes more", r.Index+1, 45),
		}}
		return err
	})
	return lines, err
}

// written is a closed log of so many bytes.
func (s *session) written(ctx context.Context, dir string, bytes int64) (path string, lines int64, err error) {
	path = filepath.Join(dir, "log")
	if err := audit.Create(ctx, path, "carnet.invalid/benchmarks", nil); err != nil {
		return "", 0, err
	}
	log, err := audit.Open(ctx, path, nil)
	if err != nil {
		return "", 0, err
	}
	defer func() { err = errors.Join(err, closed(ctx, log)) }()
	each, err := lineSize(ctx, log, path)
	if err != nil {
		return "", 0, err
	}
	for done := int64(0); done < bytes; done += int64(s.events()) * each {
		if _, err := appended(ctx, log, s.events(), crowd)(); err != nil {
			return "", 0, err
		}
		s.progress(int(done>>20), int(bytes>>20), "MiB written")
	}
	r, err := log.Append(ctx, crossing())
	return path, r.Index + 1, err
}

// logReopen opens a log that was closed.
func logReopen(ctx context.Context, s *session) ([]line, error) {
	dir, remove, err := s.folder()
	if err != nil {
		return nil, err
	}
	defer remove()
	path, n, err := s.written(ctx, dir, int64(s.stream)<<20)
	if err != nil {
		return nil, err
	}
	var took []float64
	for i := range s.few {
		began := time.Now()
		log, err := audit.Open(ctx, path, nil)
		if err != nil {
			return nil, err
		}
		took = append(took, time.Since(began).Seconds())
		if err := closed(ctx, log); err != nil {
			return nil, err
		}
		s.progress(i+1, s.few, "times opened")
	}
	return []line{{
		name: "audit/reopen", value: median(took), unit: "s", target: float64(s.stream) / 1024,
		detail: fmt.Sprintf("Open of %d MiB, %d lines, after a clean end; %d rounds, the least %.2f s", s.stream, n, len(took), slices.Min(took)),
	}}, nil
}

// logVerify compares, for each byte of the lines, by the time of one processor, and by what
// somebody waits.
func logVerify(ctx context.Context, s *session) ([]line, error) {
	dir, remove, err := s.folder()
	if err != nil {
		return nil, err
	}
	defer remove()
	path, n, err := s.written(ctx, dir, int64(max(1, s.stream/16))<<20)
	if err != nil {
		return nil, err
	}
	key, err := os.ReadFile(path + ".vkey")
	if err != nil {
		return nil, err
	}
	text, err := contents(filepath.Join(path, segments))
	if err != nil {
		return nil, err
	}
	sound := func(int) error {
		report, err := verify.Dir(ctx, os.DirFS(path), []string{string(key[:len(key)-1])})
		if err == nil && len(report.Findings) > 0 {
			err = fmt.Errorf("a sound log has findings: %v", report.Findings[0])
		}
		return err
	}
	raw := func(int) error {
		_ = sha256.Sum256(text)
		return nil
	}
	var lines []line
	for _, by := range []struct {
		name, of string
		clock    func() time.Duration
		open     bool // more processors make it more
	}{{"audit/verify", "of a processor", cpuTime, false}, {"audit/verify elapsed", "on all processors", wallTime, true}} {
		c, err := s.compare(ctx, s.few, timed(by.clock, 1, sound), timed(by.clock, 1, raw))
		if err != nil {
			return nil, err
		}
		lines = append(lines, line{
			name: by.name, value: 1 / c.ratio, least: true, target: 0.8, open: by.open,
			detail: fmt.Sprintf("verify.Dir of %d lines, %.0f MB/s %s, SHA-256 over the same %d MiB %.0f MB/s on one; min/min %.2f, %d rounds",
				n, float64(len(text))/c.ours*1e3, by.of, len(text)>>20, float64(len(text))/c.theirs*1e3, 1/c.least, c.rounds),
		})
	}
	return lines, nil
}

// contents are all files of a folder, one behind the other.
func contents(dir string) (all []byte, err error) {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, err
		}
		all = append(all, text...)
	}
	return all, err
}
