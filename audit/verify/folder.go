package verify

import (
	"context"
	"io/fs"
	"regexp"
	"strings"
)

// The files of a log.
const (
	checkpointFile = "checkpoint"
	lockFile       = "LOCK"

	// sinkFolder has how far sinks got, which says nothing about the log.
	sinkFolder = "sink"
	cursorMost = 1024
)

var cursorName = regexp.MustCompile(`^sink/[a-z0-9][a-z0-9._-]{0,63}\.cursor$`)

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
		switch {
		case e.IsDir():
			if strayFolder(log, name) {
				r.add(Finding{codeStray, name, -1})
			}
		case name == lockFile:
			if info, err := e.Info(); err != nil || info.Size() != 0 {
				r.add(Finding{codeLock, name, -1})
			}
		case strings.HasPrefix(name, sinkFolder+"/"):
			if info, err := e.Info(); err != nil || info.Size() > cursorMost || !cursorName.MatchString(name) {
				r.add(Finding{codeStray, name, -1})
			}
		case name != checkpointFile && name != cosignedFile && !isSegment(name) && !expected(name, size):
			r.add(Finding{codeStray, name, -1})
		}
	})
}

// isSegment: whether it is one of this log, its lines tell.
func isSegment(name string) bool {
	_, ok := segmentFirst(name)
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
