package audit_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/audit/verify"
)

// check reads a c2sp.org/tlog-proof@v1 by hand.
func check(t *testing.T, vkey string, proof, line []byte, index int64) {
	t.Helper()
	head, msg, ok := bytes.Cut(proof, []byte("\n\n"))
	rows := strings.Split(string(head), "\n")
	if !ok || len(rows) < 2 || rows[0] != "c2sp.org/tlog-proof@v1" || rows[1] != "index "+strconv.FormatInt(index, 10) {
		t.Fatalf("proof %q", proof)
	}
	var path tlog.RecordProof
	for _, row := range rows[2:] {
		h, err := tlog.ParseHash(row)
		if err != nil {
			t.Fatal(err)
		}
		path = append(path, h)
	}
	v, err := note.NewVerifier(vkey)
	if err != nil {
		t.Fatal(err)
	}
	n, err := note.Open(msg, note.VerifierList(v))
	if err != nil {
		t.Fatal(err)
	}
	body := strings.Split(n.Text, "\n")
	size, err := strconv.ParseInt(body[1], 10, 64)
	if err != nil || body[0] != origin {
		t.Fatal(err)
	}
	root, err := base64.StdEncoding.DecodeString(body[2])
	if err != nil {
		t.Fatal(err)
	}
	if err := tlog.CheckRecord(path, size, tlog.Hash(root), index, tlog.RecordHash(line)); err != nil {
		t.Fatalf("index %d of %d: %v", index, size, err)
	}
	if err := verify.Proof(proof, line, []string{vkey}); err != nil {
		t.Fatalf("verify: index %d: %v", index, err)
	}
}

func TestEveryLineHasAProof(t *testing.T) {
	dir := create(t)
	l := open(t, dir)
	var wg sync.WaitGroup
	for range 300 {
		wg.Go(func() { add(t, l, answer()) })
	}
	wg.Wait()
	key := l.Key()
	list := lines(read(t, segmentOf(dir)))
	for i, line := range list {
		proof, err := l.Proof(t.Context(), int64(i))
		if err != nil {
			t.Fatal(err)
		}
		check(t, key, proof, line, int64(i))
		if len(proof) > 1500 {
			t.Errorf("a proof of %d bytes", len(proof))
		}
	}
	shut(t, l)
	for i, line := range lines(read(t, segmentOf(dir))) {
		proof, got, err := audit.Prove(t.Context(), os.DirFS(dir), int64(i))
		if err != nil || !bytes.Equal(got, line) {
			t.Fatalf("index %d: %v", i, err)
		}
		check(t, key, proof, line, int64(i))
	}
}

// TestProofsWhileTheLogGrows: tiles are superseded under the readers' hands.
func TestProofsWhileTheLogGrows(t *testing.T) {
	dir := create(t)
	l := open(t, dir)
	key := l.Key()
	ctx, cancel := context.WithTimeout(t.Context(), 2500*time.Millisecond)
	defer cancel()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for ctx.Err() == nil {
				if _, err := l.Append(t.Context(), answer()); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for range 2 {
		wg.Go(func() {
			for i := int64(0); ctx.Err() == nil; i++ {
				proof, line, err := audit.Prove(t.Context(), os.DirFS(dir), i%2)
				if err != nil {
					t.Errorf("Prove: %v", err)
					return
				}
				check(t, key, proof, line, i%2)
				if _, err = l.Proof(t.Context(), i%50); err != nil && i%50 < 2 {
					t.Errorf("Proof: %v", err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func TestProofRefuses(t *testing.T) {
	dir := create(t)
	l := open(t, dir)
	for _, index := range []int64{-1, 2, 1 << 60} {
		if _, err := l.Proof(t.Context(), index); err == nil {
			t.Errorf("a proof of line %d", index)
		}
		if _, _, err := audit.Prove(t.Context(), os.DirFS(dir), index); err == nil {
			t.Errorf("a proof of line %d", index)
		}
	}
	r := add(t, l, answer())
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := l.Proof(ctx, r.Index); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	shut(t, l)
	ended, end := context.WithCancel(t.Context())
	end()
	if _, _, err := audit.Prove(ended, os.DirFS(dir), 0); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	for name, spoil := range map[string]func(dir string) error{
		"no checkpoint":  func(dir string) error { return os.Remove(filepath.Join(dir, "checkpoint")) },
		"no origin":      func(dir string) error { return os.WriteFile(filepath.Join(dir, "checkpoint"), nil, 0o600) },
		"size with zero": func(dir string) error { return replace(t, dir, "\n4\n", "\n04\n") },
		"size too large": func(dir string) error { return replace(t, dir, "\n4\n", "\n5\n") },
		"no size":        func(dir string) error { return replace(t, dir, "\n4\n", "\nx\n") },
		"size zero":      func(dir string) error { return replace(t, dir, "\n4\n", "\n0\n") },
		"no tiles":       func(dir string) error { return os.RemoveAll(filepath.Join(dir, "tile")) },
		"tile differs":   func(dir string) error { return flip(t, filepath.Join(dir, "tile/0/000.p/4")) },
		"tile short":     func(dir string) error { return os.Truncate(filepath.Join(dir, "tile/0/000.p/4"), 100) },
		"no lines":       func(dir string) error { return os.Truncate(segmentOf(dir), 0) },
		"no segment":     func(dir string) error { return os.Remove(segmentOf(dir)) },
	} {
		t.Run(name, func(t *testing.T) {
			d := clone(t, dir)
			if err := spoil(d); err != nil {
				t.Fatal(err)
			}
			proof, line, err := audit.Prove(t.Context(), os.DirFS(d), 2)
			if err == nil || strings.Contains(err.Error(), filepath.Dir(d)) || line != nil || proof != nil {
				t.Errorf("got %v", err)
			}
		})
	}
}

func replace(t *testing.T, dir, old, new string) error {
	path := filepath.Join(dir, "checkpoint")
	return os.WriteFile(path, bytes.Replace(read(t, path), []byte(old), []byte(new), 1), 0o600)
}

// TestTheOtherReaderAgrees: package verify, which shares no code, finds nothing.
func TestTheOtherReaderAgrees(t *testing.T) {
	dir := create(t)
	l := open(t, dir)
	for i := range 600 {
		e := grant("g-1")
		if i%2 == 0 {
			e = answer()
			e.Actor = audit.Actor{Issuer: "https://login.acme.example/x?y=z&a=<b>", Subject: "ü\n"}
		}
		add(t, l, e)
	}
	key := l.Key()
	shut(t, l)
	if r, err := reopens(t, dir); err != nil || r.Orphans != 1 {
		t.Fatalf("%+v, %v", r, err)
	}
	report, err := verify.Dir(t.Context(), os.DirFS(dir), []string{key})
	if err != nil || len(report.Findings) != 0 {
		t.Errorf("%+v, %v", report.Findings, err)
	}
	if n := int64(len(lines(read(t, segmentOf(dir))))); report.Events != n {
		t.Errorf("%d events, want %d", report.Events, n)
	}
}

// TestProveRefusesAnotherLine: a line that was altered is not printed as if the log
// vouched for it.
func TestProveRefusesAnotherLine(t *testing.T) {
	dir := create(t)
	l := open(t, dir)
	r := add(t, l, answer())
	shut(t, l)
	if _, _, err := audit.Prove(t.Context(), os.DirFS(dir), r.Index); err != nil {
		t.Fatal(err)
	}
	path := segmentOf(dir)
	all := lines(read(t, path))
	write(t, path, bytes.Replace(read(t, path), []byte(`"status_id":1,"time":`), []byte(`"status_id":2,"time":`), len(all)))
	if _, line, err := audit.Prove(t.Context(), os.DirFS(dir), r.Index); err == nil {
		t.Errorf("proved %s", line)
	}
	if _, _, err := audit.Prove(t.Context(), nil, 0); err == nil {
		t.Error("proved from no files")
	}
}
