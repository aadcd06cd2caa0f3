package verify_test

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/carnet-go/carnet/audit/verify"
)

// TestCosignedFile: what witnesses have signed may lie beside the log, if the log has signed it
// first, and it is of the log's own history.
func TestCosignedFile(t *testing.T) {
	key, other := newSigner(t, origin, 1), newSigner(t, origin, 2)
	w := small(t, key)
	witness := newCosigner("a.example", 1)
	cosign := func(note string) string { return note + witness.line(note, 1795382000) }
	half := w.note(3)
	ahead := strings.Replace(half, "\n3\n", "\n999\n", 1)
	stranger := newWriter(t, other)
	stranger.genesis()
	stranger.commit()
	fork := newWriter(t, key)
	fork.genesis()
	fork.denied()
	fork.denied()
	fork.commit()
	for name, c := range map[string]struct{ text, want string }{
		"newest":         {cosign(w.note(w.size())), ""},
		"older":          {cosign(half), ""},
		"not cosigned":   {half, ""},
		"of a fork":      {cosign(fork.note(3)), "history"},
		"of another key": {cosign(stranger.note(1)), "known"},
		"changed":        {cosign(ahead), "known"},
		"of no log":      {witness.line(half, 1), "known"},
		"nothing":        {"", "known"},
		"too long":       {cosign(half) + strings.Repeat(witness.line(half, 2), 100), "known"},
	} {
		log := w.files()
		log["cosigned"] = &fstest.MapFile{Data: []byte(c.text), Mode: 0o644}
		got := ""
		if r := dir(t, log, key.vkey); len(r.Findings) > 0 {
			got = r.Findings[0].Code
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	log := w.files()
	log["cosigned"] = &fstest.MapFile{Data: []byte(half), Mode: 0o644}
	for _, how := range []string{"open", "read"} {
		if _, err := verify.Dir(t.Context(), broken{log, "cosigned", how}, []string{key.vkey}); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("cannot %s: %v", how, err)
		}
	}
	log = w.files()
	log["cosigned.old"] = &fstest.MapFile{Data: []byte(half), Mode: 0o644}
	if f := first(t, dir(t, log, key.vkey)); f != (verify.Finding{Code: "stray", File: "cosigned.old", Index: -1}) {
		t.Errorf("got %v", f)
	}
}
