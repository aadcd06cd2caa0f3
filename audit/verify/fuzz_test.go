package verify_test

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/carnet-go/carnet/audit/verify"
)

// FuzzLine signs any line and compares what Dir says of it with encoding/json.
func FuzzLine(f *testing.F) {
	key := newSigner(f, origin, 1)
	for _, line := range []string{
		`{}`, `{"carnet":{"decision":"allowed","grant":"g"}}`, `{"metadata":{"sequence":1},"x":[1,-0.5e+9,true,false,null,"\ud83d\ude00"]}`,
		`{"carnet":{"checkpoint":"x"}}`, `{"a":1,"a":2}`, "{\"a\":\"\x00\"}", `{"a":"\ud800"}`, `{"a":01}`, `{"a":1.}`, `[]`, ``,
		`{"carnet":{"genesis":{"origin":"o","key":"k"}}}`, ` { "é" : "\u00e9\n" } `, `{"commit":{"size":1}}`, `{"a":"12345678\"12345678"}`,
	} {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		if bytes.ContainsRune(line, '\n') || bytes.HasPrefix(line, []byte(commitPrefix)) {
			return
		}
		w := newWriter(t, key)
		w.genesis()
		w.line("%s", line)
		w.commit()
		r, err := verify.Dir(context.Background(), w.files(), []string{key.vkey})
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Findings) > 0 {
			return // strictness is TestSignedNonsense's matter
		}
		if r.Events != 2 {
			t.Errorf("%q: got %v, want 2 events", line, r)
		}
		var event struct {
			Carnet struct{ Decision, Grant string }
		}
		if err := json.Unmarshal(line, &event); err != nil && !folded(line) {
			t.Errorf("%q verifies, and is not JSON", line)
		}
		if grants := event.Carnet.Decision == "allowed" && event.Carnet.Grant != ""; grants != (r.Grants == 1) && !folded(line) {
			t.Errorf("%q: %d grants", line, r.Grants)
		}
	})
}

// folded reports whether encoding/json may take another member for one of ours: it ignores
// case, and overwrites.
func folded(line []byte) bool {
	lower := strings.ToLower(string(line))
	for _, name := range []string{"carnet", "decision", "grant"} {
		if strings.Count(lower, name) > 1 || strings.Count(lower, name) != strings.Count(string(line), name) {
			return true
		}
	}
	return strings.ContainsAny(lower, "\\ſK")
}

// FuzzCheckpoint: but for the one that was signed, no checkpoint verifies.
func FuzzCheckpoint(f *testing.F) {
	key := newSigner(f, origin, 1)
	w := small(f, key)
	log := w.files()
	good := log["checkpoint"].Data
	f.Add(good)
	f.Add([]byte(w.note(7)))
	f.Add(append(bytes.Clone(good), good[bytes.LastIndex(good, []byte("\n\n"))+2:]...))
	f.Add([]byte(origin + "\n8\n\n"))
	f.Fuzz(func(t *testing.T, checkpoint []byte) {
		bad := clone(log)
		bad["checkpoint"].Data = checkpoint
		r, err := verify.Dir(context.Background(), bad, []string{key.vkey})
		if err != nil || (len(r.Findings) == 0) != bytes.Equal(checkpoint, good) {
			t.Errorf("%q: got %v, %v", checkpoint, r, err)
		}
	})
}

// FuzzSegment: but for the one that was written, no segment verifies.
func FuzzSegment(f *testing.F) {
	key := newSigner(f, origin, 1)
	log := small(f, key).files()
	good := log[segment].Data
	f.Add(good)
	f.Add(good[:len(good)-1])
	f.Add([]byte("{\"commit\":\n{}\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		bad := clone(log)
		bad[segment].Data = text
		r, err := verify.Dir(context.Background(), bad, []string{key.vkey})
		if err != nil || len(r.Findings) == 0 && !bytes.Equal(events(text), events(good)) {
			t.Errorf("%q: got %v, %v", text, r, err)
		}
	})
}

// events is a segment without its commit lines.
func events(text []byte) []byte {
	var out []byte
	for line := range bytes.Lines(text) {
		if !bytes.HasPrefix(line, []byte(commitPrefix)) {
			out = append(out, line...)
		}
	}
	return out
}

// FuzzProof: but for the one that was made, no proof verifies.
func FuzzProof(f *testing.F) {
	key := newSigner(f, origin, 1)
	w := small(f, key)
	good := w.proof(4)
	f.Add(good)
	f.Add(w.proof(0))
	f.Add(good[:40])
	f.Add([]byte("c2sp.org/tlog-proof@v1\nindex 0\n\n" + w.note(1)))
	f.Fuzz(func(t *testing.T, proof []byte) {
		err := verify.Proof(proof, w.lines[4], []string{key.vkey})
		if (err == nil) != bytes.Equal(proof, good) {
			t.Errorf("%q: got %v", proof, err)
		}
	})
}
