package verify_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/carnet-go/carnet/audit/verify"
	"golang.org/x/mod/sumdb/tlog"
)

// proof is a tlog-proof of one line, in the tree of all.
func (w *writer) proof(index int64) []byte {
	path, err := tlog.ProveRecord(w.size(), index, w)
	if err != nil {
		w.t.Fatal(err)
	}
	b := fmt.Appendf(nil, "c2sp.org/tlog-proof@v1\nindex %d\n", index)
	for _, h := range path {
		b = fmt.Appendf(b, "%s\n", h)
	}
	return fmt.Appendf(b, "\n%s", w.note(w.size()))
}

func TestProofOfEachLine(t *testing.T) {
	key := newSigner(t, origin, 1)
	for _, w := range []*writer{small(t, key), large(t, key, 300)} {
		for i := range w.lines {
			if err := verify.Proof(w.proof(int64(i)), w.lines[i], []string{key.vkey}); err != nil {
				t.Errorf("line %d of %d: %v", i, w.size(), err)
			}
		}
	}
}

func TestProofRefusesEveryBitFlip(t *testing.T) {
	key := newSigner(t, origin, 1)
	w := small(t, key)
	proof, line := w.proof(4), w.lines[4]
	for i := range len(proof) * 8 {
		bad := []byte(string(proof))
		bad[i/8] ^= 1 << (i % 8)
		if err := verify.Proof(bad, line, []string{key.vkey}); !errors.Is(err, verify.ErrProof) {
			t.Errorf("byte %d, bit %d of the proof: got %v", i/8, i%8, err)
		}
	}
	for i := range len(line) * 8 {
		bad := []byte(string(line))
		bad[i/8] ^= 1 << (i % 8)
		if err := verify.Proof(proof, bad, []string{key.vkey}); !errors.Is(err, verify.ErrProof) {
			t.Errorf("byte %d, bit %d of the line: got %v", i/8, i%8, err)
		}
	}
	for n := range proof {
		if err := verify.Proof(proof[:n], line, []string{key.vkey}); !errors.Is(err, verify.ErrProof) {
			t.Errorf("cut at %d: got %v", n, err)
		}
	}
}

func TestProofRefuses(t *testing.T) {
	key, other := newSigner(t, origin, 1), newSigner(t, origin, 2)
	foreign := newSigner(t, "acme.example/hr/b", 1)
	w := small(t, key)
	proof, line := string(w.proof(4)), w.lines[4]
	head, tail, _ := strings.Cut(proof, "\n\n")
	hash := strings.Split(head, "\n")[2]
	for _, c := range []struct {
		name, proof string
		line        []byte
		keys        []string
		want        error
	}{
		{"no key", proof, line, nil, verify.ErrNoKey},
		{"no key at all", proof, line, []string{}, verify.ErrNoKey},
		{"bad key", proof, line, []string{"acme"}, verify.ErrBadKey},
		{"other key of the origin", proof, line, []string{other.vkey}, verify.ErrProof},
		{"foreign key", proof, line, []string{foreign.vkey}, verify.ErrProof},
		{"zero proof", "", line, []string{key.vkey}, verify.ErrProof},
		{"zero line", proof, nil, []string{key.vkey}, verify.ErrProof},
		{"line with newline", proof, append(line[:len(line):len(line)], '\n'), []string{key.vkey}, verify.ErrProof},
		{"other line", proof, w.lines[5], []string{key.vkey}, verify.ErrProof},
		{"other index", strings.Replace(proof, "index 4", "index 5", 1), line, []string{key.vkey}, verify.ErrProof},
		{"index twice", strings.Replace(proof, "index 4\n", "index 4\nindex 4\n", 1), line, []string{key.vkey}, verify.ErrProof},
		{"index with zero", strings.Replace(proof, "index 4", "index 04", 1), line, []string{key.vkey}, verify.ErrProof},
		{"index with sign", strings.Replace(proof, "index 4", "index +4", 1), line, []string{key.vkey}, verify.ErrProof},
		{"negative index", strings.Replace(proof, "index 4", "index -1", 1), line, []string{key.vkey}, verify.ErrProof},
		{"index of the size", strings.Replace(proof, "index 4", "index 8", 1), line, []string{key.vkey}, verify.ErrProof},
		{"extra line", strings.Replace(proof, "index 4", "extra AAAA\nindex 4", 1), line, []string{key.vkey}, verify.ErrProof},
		{"one hash more", head + "\n" + hash + "\n\n" + tail, line, []string{key.vkey}, verify.ErrProof},
		{"one hash less", strings.Replace(proof, hash+"\n", "", 1), line, []string{key.vkey}, verify.ErrProof},
		{"hash not canonical", strings.Replace(proof, hash, stray(t, hash), 1), line, []string{key.vkey}, verify.ErrProof},
		{"signature not canonical", strings.Replace(proof, "=\n", "=\n\n", 1), line, []string{key.vkey}, verify.ErrProof},
		{"no header", strings.TrimPrefix(proof, "c2sp.org/tlog-proof@v1\n"), line, []string{key.vkey}, verify.ErrProof},
		{"carriage returns", strings.ReplaceAll(proof, "\n", "\r\n"), line, []string{key.vkey}, verify.ErrProof},
		{"huge", proof + strings.Repeat("A", 1<<20), line, []string{key.vkey}, verify.ErrProof},
	} {
		if err := verify.Proof([]byte(c.proof), c.line, c.keys); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, err, c.want)
		}
	}
	if err := verify.Proof([]byte(proof), line, []string{foreign.vkey, other.vkey, key.vkey, key.vkey}); err != nil {
		t.Errorf("several keys, one twice: %v", err)
	}
}

// stray sets a bit that base64 decoding drops: one of the last character before a padding.
func stray(t *testing.T, b64 string) string {
	t.Helper()
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	i := strings.IndexByte(b64, '=')
	if i < 1 {
		t.Fatalf("%d characters without padding", len(b64))
	}
	v := strings.IndexByte(digits, b64[i-1])
	return b64[:i-1] + string(digits[v^1]) + b64[i:]
}
