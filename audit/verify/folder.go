package verify

import (
	"context"
	"io/fs"
	"regexp"
	"strings"

	"github.com/carnet-go/carnet/audit/verify/internal/edge"
)

// The files of a log.
const (
	checkpointFile = "checkpoint"
	sinkFolder     = "sink"
)

// unread are files in which nothing is read, and how long they may be: how far sinks got, and
// whose pseudonyms are, with a copy for the log's next key, says nothing about the log.
var unread = []struct {
	name *regexp.Regexp
	most int64
	code string
}{
	{regexp.MustCompile(`^LOCK$`), 0, codeLock},
	{regexp.MustCompile(`^sink/[a-z0-9][a-z0-9._-]{0,63}\.cursor$`), 1024, codeStray},
	{regexp.MustCompile(`^people(\.next)?$`), 128 + 64*(1<<20+1<<10), codeStray},
}

// onlyRegular looks for what is neither a file nor a folder before anything is opened: a
// pipe could wait for ever, and a link leads out of the log.
func onlyRegular(ctx context.Context, log fs.FS, r *Report) (bool, error) {
	regular := true
	err := walk(ctx, log, func(name string, e fs.DirEntry) {
		if !e.IsDir() && !e.Type().IsRegular() || name == "." && !e.IsDir() {
			r.add(Finding{codeIrregular, name, -1})
			regular = false
		}
	})
	return regular, err
}

// names compares what is there with what a log of this size has.
func names(ctx context.Context, log fs.FS, size int64, r *Report) error {
	return walk(ctx, log, func(name string, e fs.DirEntry) {
		for _, u := range unread {
			if !e.IsDir() && u.name.MatchString(name) {
				if info, err := e.Info(); err != nil || info.Size() > u.most {
					r.add(Finding{u.code, name, -1})
				}
				return
			}
		}
		switch {
		case e.IsDir():
			if strayFolder(log, name) {
				r.add(Finding{codeStray, name, -1})
			}
		case name != checkpointFile && name != cosignedFile && !isSegment(name) && !edge.Expected(name, size):
			r.add(Finding{codeStray, name, -1})
		}
	})
}

// isSegment: whether it is one of this log, its lines tell.
func isSegment(name string) bool {
	_, ok := edge.SegmentFirst(name)
	return ok
}

// strayFolder: what a folder holds is judged file by file, so only an empty one and one in a
// strange place are stray themselves.
func strayFolder(log fs.FS, name string) bool {
	if name == "." || name == "seg" || name == "tile" || name == sinkFolder {
		return false
	}
	entries, err := fs.ReadDir(log, name)
	return err == nil && len(entries) == 0 || !strings.HasPrefix(name, "tile/")
}

func walk(ctx context.Context, log fs.FS, visit func(name string, e fs.DirEntry)) error {
	return fs.WalkDir(log, ".", func(name string, e fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			return unreadable(name, err)
		}
		visit(name, e)
		return nil
	})
}
