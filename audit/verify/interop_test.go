package verify_test

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/audit/verify"
)

// written is a log that package audit made: its files, its key, and a proof of each line that
// an event of the caller became.
type written struct {
	files  fstest.MapFS
	key    string
	proofs map[int64][]byte
	grants int64
}

func writeLog(t *testing.T, events int) written {
	t.Helper()
	ctx := t.Context()
	folder := filepath.Join(t.TempDir(), "audit")
	if err := audit.Create(ctx, folder, origin, nil); err != nil {
		t.Fatal(err)
	}
	log, err := audit.Open(ctx, folder, nil)
	if err != nil {
		t.Fatal(err)
	}
	out := written{key: log.Key(), proofs: map[int64][]byte{}}
	for i := range events {
		e := audit.Event{Actor: audit.Actor{Issuer: "https://login.acme.example", Subject: "u-1"}, Action: "crm.contact.read", System: "crm", Decision: "denied"}
		if i%2 == 0 {
			e.Decision, e.Grant = "allowed", fmt.Sprintf("g-%d", i)
			out.grants++
		}
		receipt, err := log.Append(ctx, e)
		if err != nil {
			t.Fatal(err)
		}
		if events < 10 {
			if out.proofs[receipt.Index], err = log.Proof(ctx, receipt.Index); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := log.Close(ctx); err != nil {
		t.Fatal(err)
	}
	vkey, err := os.ReadFile(folder + ".vkey")
	if err != nil || strings.TrimSuffix(string(vkey), "\n") != out.key {
		t.Fatalf("the key beside the log is not Log.Key: %v", err)
	}
	out.files = load(t, os.DirFS(folder))
	return out
}

func load(t *testing.T, fsys fs.FS) fstest.MapFS {
	t.Helper()
	log := fstest.MapFS{}
	err := fs.WalkDir(fsys, ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := fs.ReadFile(fsys, name)
		log[name] = &fstest.MapFile{Data: data}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return log
}

func TestWriterAndReaderAgree(t *testing.T) {
	t.Parallel() // it waits for the writer
	for _, events := range []int{0, 1, 300} {
		w := writeLog(t, events)
		r := dir(t, w.files, w.key)
		if len(r.Findings) != 0 || r.Grants != w.grants || r.Events < int64(events)+2 || r.Origin != origin {
			t.Errorf("%d events: got %v, %v", events, r, r.Findings)
		}
	}
}

// TestBytesOfWrittenLog flips the bytes of each file of a log on a disk: each third one,
// and with CARNET_FULL each. The table of people is no evidence, and none of it is a finding.
func TestBytesOfWrittenLog(t *testing.T) {
	w := writeLog(t, 1)
	stride := 3
	if os.Getenv("CARNET_FULL") != "" {
		stride = 1
	}
	for name, f := range w.files {
		parallel((len(f.Data)+stride-1)/stride, func(i int) {
			bad := clone(w.files)
			bad[name].Data[i*stride] ^= 0xff
			r, err := verify.Dir(context.Background(), bad, []string{w.key})
			if name == "people" {
				if err != nil || len(r.Findings) > 0 {
					t.Errorf("byte %d of %s: got %v, %v", i*stride, name, r, err)
				}
			} else if err != nil || len(r.Findings) == 0 || r.Findings[0].Index < 0 || r.Findings[0].File != name {
				t.Errorf("byte %d of %s: got %v, %v", i*stride, name, r, err)
			}
		})
	}
}

func TestProofsOfWrittenLog(t *testing.T) {
	t.Parallel() // it waits for the writer
	w := writeLog(t, 3)
	if len(w.proofs) != 3 {
		t.Fatalf("%d proofs, want 3", len(w.proofs))
	}
	for index, proof := range w.proofs {
		again, line, err := audit.Prove(t.Context(), w.files, index)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range [][]byte{proof, again} {
			if err := verify.Proof(p, line, []string{w.key}); err != nil {
				t.Errorf("line %d: %v", index, err)
			}
			if err := verify.Proof(p, append(line[:len(line):len(line)], ' '), []string{w.key}); err == nil {
				t.Errorf("line %d with a space: proven", index)
			}
		}
	}
}

// TestKnownCheckpointsOfWrittenLog: what a proof carries is a checkpoint that its holder kept.
func TestKnownCheckpointsOfWrittenLog(t *testing.T) {
	t.Parallel() // it waits for the writer
	w, other := writeLog(t, 2), writeLog(t, 2)
	var known [][]byte
	for _, proof := range w.proofs {
		_, checkpoint, _ := strings.Cut(string(proof), "\n\n")
		known = append(known, []byte(checkpoint))
	}
	if r := dir(t, w.files, w.key, known...); len(r.Findings) != 0 {
		t.Errorf("got %v", r)
	}
	if f := first(t, dir(t, other.files, other.key, known...)); f.Code != "known" {
		t.Errorf("another log of the same origin: got %v", f)
	}
}

// TestRestoredLog: a log that went on, and the copy of its past that somebody put back.
func TestRestoredLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		folder := filepath.Join(t.TempDir(), "audit")
		if err := audit.Create(t.Context(), folder, origin, nil); err != nil {
			t.Fatal(err)
		}
		var newest []byte
		var past fstest.MapFS
		var key string
		for range 2 {
			log, err := audit.Open(t.Context(), folder, nil)
			if err != nil {
				t.Fatal(err)
			}
			key = log.Key()
			if _, err := log.Append(t.Context(), audit.Event{Action: "crm.contact.read"}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(2 * time.Second)
			if err := log.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			files := load(t, os.DirFS(folder))
			newest = files["checkpoint"].Data
			if past == nil {
				past = files
			}
		}
		r := dir(t, past, key)
		if len(r.Findings) != 0 {
			t.Fatalf("got %v; nothing in a copy of the past says that it is one", r)
		}
		if f := first(t, dir(t, past, key, newest)); f != (verify.Finding{Code: "history", Index: r.Events}) {
			t.Errorf("with the checkpoint that was kept: got %v", f)
		}
	})
}

// TestWriterAndReaderAgreeOnOldKeys: of lines that are gone, too, what Open takes as a Floor is no finding.
func TestWriterAndReaderAgreeOnOldKeys(t *testing.T) {
	t.Parallel() // it waits for the writer
	ctx, folder := t.Context(), filepath.Join(t.TempDir(), "audit")
	if err := audit.Create(ctx, folder, origin, nil); err != nil {
		t.Fatal(err)
	}
	var keys []string
	var kept [][]byte
	use := func(n int, retain bool) {
		log, err := audit.Open(ctx, folder, &audit.Options{SegmentBytes: 3000})
		if err != nil {
			t.Fatal(err)
		}
		var r audit.Receipt
		for range n {
			if r, err = log.Append(ctx, audit.Event{Action: "crm.read", Outcome: audit.OutcomeSuccess}); err != nil {
				t.Fatal(err)
			}
		}
		if retain {
			err = log.Retain(ctx, r.Index)
		}
		if keys = append(keys, log.Key()); err != nil {
			t.Fatal(err)
		}
		if err = log.Close(ctx); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 3 {
		use(20, false)
		note, err := os.ReadFile(filepath.Join(folder, "checkpoint"))
		if kept = append(kept, note); err != nil {
			t.Fatal(err)
		}
		if i < 2 {
			if _, err = audit.Rekey(ctx, folder, nil, nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	use(60, true)
	keys = keys[:3]
	r, err := verify.Dir(ctx, os.DirFS(folder), keys, kept...)
	if err != nil || len(r.Findings) != 0 || r.First == 0 || r.Key != keys[2] {
		t.Errorf("got %v, %v, %v", r, r.Findings, err)
	}
	for _, note := range kept {
		log, err := audit.Open(ctx, folder, &audit.Options{Floor: note})
		if err != nil {
			t.Fatalf("%.40q: %v", note, err)
		}
		if err = log.Close(ctx); err != nil {
			t.Fatal(err)
		}
	}
}
