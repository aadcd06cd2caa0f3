package verify_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"io/fs"
	"testing"

	"github.com/carnet-go/carnet/audit/verify"
)

const origin = "acme.example/hr/a"

func dir(t testing.TB, log fs.FS, key string, known ...[]byte) verify.Report {
	t.Helper()
	r, err := verify.Dir(context.Background(), log, []string{key}, known...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// first is the finding that a report names first.
func first(t testing.TB, r verify.Report) verify.Finding {
	t.Helper()
	if len(r.Findings) == 0 {
		t.Fatalf("no finding, want one: %s", r)
	}
	return r.Findings[0]
}

func TestDirVerifies(t *testing.T) {
	key := newSigner(t, origin, 1)
	for _, n := range []int{0, 255, 256, 257, 600, 1025} {
		w := small(t, key)
		if n > 0 {
			w = large(t, key, n)
		}
		log := w.files()
		r := dir(t, log, key.vkey)
		root := w.root(w.size())
		var grants int64
		for _, line := range w.lines {
			if string(line[:min(len(line), 52)]) == `{"class_uid":6003,"carnet":{"decision":"allowed","gr` {
				grants++
			}
		}
		want := fmt.Sprintf("%d events, %d grants, verified, root %s", w.size(), grants, base64.StdEncoding.EncodeToString(root[:]))
		if r.String() != want || r.Origin != origin || len(r.Findings) != 0 {
			t.Errorf("%d lines: got %v, %v\nwant %s", n, r, r.Findings, want)
		}
		delete(log, "LOCK")
		if r := dir(t, log, key.vkey); r.String() != want {
			t.Errorf("%d lines without LOCK: got %v", n, r)
		}
	}
}
