package cursor

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"time"
)

var (
	errFolder = errors.New("audit: the folder of the cursors cannot be made")
	errTwice  = errors.New("audit: two feeds have one name")
)

// Group is the feeds of one log. The nil Group has none.
type Group []*Feed

// OpenAll opens feeds whose cursors are in one folder, which it makes where it is missing.
func OpenAll(ctx context.Context, dir string, configs []Config) (Group, error) {
	if len(configs) == 0 {
		return nil, nil
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, errFolder
	}
	clean(dir)
	var g Group
	names := map[string]bool{}
	for _, c := range configs {
		if names[c.Name] {
			return nil, errTwice
		}
		names[c.Name], c.Dir = true, dir
		f, err := Open(ctx, c)
		if err != nil {
			return nil, err
		}
		g = append(g, f)
	}
	return g, nil
}

// Settle tells what opening has found, before anything is delivered.
func (g Group) Settle(tell func(Notice) error) error {
	for _, f := range g {
		for _, n := range f.owed {
			if err := tell(n); err != nil {
				return err
			}
		}
		f.owed = nil
	}
	return nil
}

// Start starts a goroutine for each feed.
func (g Group) Start() {
	for _, f := range g {
		go f.run()
	}
}

// Refuses says whether a feed that must keep up does not.
func (g Group) Refuses() bool {
	for _, f := range g {
		if f.Refuse && f.late.Load() {
			return true
		}
	}
	return false
}

// Next is the index of the first line that some sink has not; most: all have all.
func (g Group) Next(most int64) int64 {
	for _, f := range g {
		most = min(most, f.Status().Next)
	}
	return most
}

// Drain is called when the log has its last line: each feed delivers what there is, within
// its Within. It says whether all did.
func (g Group) Drain() bool {
	begun, all := time.Now(), true
	for _, f := range g {
		close(f.closing)
		defer time.AfterFunc(f.Within, f.stop).Stop()
	}
	for _, f := range g {
		select {
		case <-f.ended:
		case <-time.After(f.Within + 2*grace - time.Since(begun)): // the disk hangs
		}
		f.stop()
		all = f.end() && all
	}
	return all
}

// end lets nobody begin to write the cursor any more, because the log's lock is given
// back. It says whether the sink has everything.
func (f *Feed) end() bool {
	_, next, _ := f.Source.Extent()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.over = true
	return f.now.Next >= next
}
