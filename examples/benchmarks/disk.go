package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// bare is the least that something durable can cost: a write at the end of a file, and a
// wait for the disk.
type bare struct {
	file *os.File
	text []byte
}

// newBare writes so many bytes at once, into a file of its own.
func newBare(dir, name string, size int64) (*bare, error) {
	f, err := os.OpenFile(filepath.Join(dir, name), os.O_WRONLY|os.O_APPEND|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	b := &bare{f, make([]byte, size)}
	_, _ = rand.Read(b.text) // never fails
	return b, nil
}

func (b *bare) write() error {
	if _, err := b.file.Write(b.text); err != nil {
		return err
	}
	return datasync(b.file)
}

// bareTurn is n writes into each of some files.
func bareTurn(n int, files ...*bare) turn {
	return func() (float64, error) {
		began := time.Now()
		for range n {
			for _, b := range files {
				if err := b.write(); err != nil {
					return 0, err
				}
			}
		}
		return float64(time.Since(began)) / float64(n), nil
	}
}

// noDisk is a wait that no disk answers in.
const noDisk = 10 * time.Microsecond

// durably compares with bare writes, and says so where they are no writes to a disk.
func (s *session) durably(ctx context.Context, rounds int, ours, theirs turn) (comparison, error) {
	c, err := s.compare(ctx, rounds, ours, theirs)
	if err == nil && c.theirs < float64(noDisk) {
		fmt.Fprintf(s.notes, "benchmarks: %s: fdatasync in %s is no disk: give a folder that is on one, with -dir\n", s.figure, ns(c.theirs))
	}
	return c, err
}

// size is how many bytes are in the files below a folder that match.
func size(dir, pattern string) (total int64, err error) {
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if ok, err := filepath.Match(pattern, d.Name()); err != nil || !ok {
			return err
		}
		info, err := d.Info()
		if err == nil {
			total += info.Size()
		}
		return err
	})
	return total, err
}
