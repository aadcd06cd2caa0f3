package verify_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/carnet-go/carnet/audit/verify"
)

// cosigner is a witness's key.
type cosigner struct {
	name, vkey string
	hash       []byte
	key        ed25519.PrivateKey
}

func newCosigner(name string, seed byte) cosigner {
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, 32))
	raw := append([]byte{4}, key.Public().(ed25519.PublicKey)...)
	sum := sha256.Sum256(append([]byte(name+"\n"), raw...))
	return cosigner{name, fmt.Sprintf("%s+%x+%s", name, sum[:4], base64.StdEncoding.EncodeToString(raw)), sum[:4], key}
}

// line is a cosignature of a note, as c2sp.org/tlog-cosignature has it.
func (c cosigner) line(note string, at uint64) string {
	text, _, _ := strings.Cut(note, "\n\n")
	sig := ed25519.Sign(c.key, fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s\n", at, text))
	raw := append(binary.BigEndian.AppendUint64(bytes.Clone(c.hash), at), sig...)
	return fmt.Sprintf("— %s %s\n", c.name, base64.StdEncoding.EncodeToString(raw))
}

func TestCosignedProofs(t *testing.T) {
	key := newSigner(t, origin, 1)
	w := small(t, key)
	single := string(w.proof(4))
	a, b, c := newCosigner("a.example", 1), newCosigner("b.example", 2), newCosigner("c.example", 3)
	next := newCosigner("a.example", 4) // the same witness, another key
	head, tail, _ := strings.Cut(single, "\n\n")
	text, sig, _ := strings.Cut(tail, "\n\n")
	la, lb, lc, ln := a.line(tail, 1795382000), b.line(tail, 1795382001), c.line(tail, 1), next.line(tail, 2)
	keys := func(list ...cosigner) (out []string) {
		for _, c := range list {
			out = append(out, c.vkey)
		}
		return out
	}
	for _, x := range []struct {
		name  string
		proof string
		by    verify.Witnesses
		want  error
	}{
		{"nobody", single, verify.Witnesses{}, nil},
		{"nobody, and a need not", single, verify.Witnesses{Keys: keys(a)}, nil},
		{"nobody, and a must", single, verify.Witnesses{Keys: keys(a), Threshold: 1}, verify.ErrProof},
		{"a, unknown", single + la, verify.Witnesses{}, verify.ErrProof},
		{"a, where b is known", single + la, verify.Witnesses{Keys: keys(b)}, verify.ErrProof},
		{"a", single + la, verify.Witnesses{Keys: keys(a)}, nil},
		{"a, one must", single + la, verify.Witnesses{Keys: keys(a, b), Threshold: 1}, nil},
		{"a, two must", single + la, verify.Witnesses{Keys: keys(a, b), Threshold: 2}, verify.ErrProof},
		{"a and b, two must", single + la + lb, verify.Witnesses{Keys: keys(a, b, c), Threshold: 2}, nil},
		{"b and a, two must", single + lb + la, verify.Witnesses{Keys: keys(a, b, c), Threshold: 2}, nil},
		{"a and b, and the log last", head + "\n\n" + text + "\n\n" + la + lb + sig, verify.Witnesses{Keys: keys(a, b), Threshold: 2}, nil},
		{"a, b and c, one unknown", single + la + lb + lc, verify.Witnesses{Keys: keys(a, b), Threshold: 1}, verify.ErrProof},
		{"a twice, two must", single + la + la, verify.Witnesses{Keys: keys(a, b), Threshold: 2}, verify.ErrProof},
		{"a twice, one must", single + la + a.line(tail, 7), verify.Witnesses{Keys: keys(a), Threshold: 1}, verify.ErrProof},
		{"a with two keys, two must", single + la + ln, verify.Witnesses{Keys: keys(a, next, b), Threshold: 2}, verify.ErrProof},
		{"a with two keys, one must", single + la + ln, verify.Witnesses{Keys: keys(a, next, b), Threshold: 1}, nil},
		{"without the log", head + "\n\n" + text + "\n\n" + la + lb, verify.Witnesses{Keys: keys(a, b), Threshold: 2}, verify.ErrProof},
		{"of another checkpoint", single + a.line(w.note(7), 1), verify.Witnesses{Keys: keys(a)}, verify.ErrProof},
		{"b's signature under a's name", single + cosigner{a.name, a.vkey, a.hash, b.key}.line(tail, 1), verify.Witnesses{Keys: keys(a)}, verify.ErrProof},
		{"stray bits", single + stray(t, la), verify.Witnesses{Keys: keys(a)}, verify.ErrProof},
		{"too short", single + "— a.example " + base64.StdEncoding.EncodeToString(append(bytes.Clone(a.hash), 1, 2, 3)) + "\n", verify.Witnesses{Keys: keys(a)}, verify.ErrProof},
		{"no newline", single + strings.TrimSuffix(la, "\n"), verify.Witnesses{Keys: keys(a)}, verify.ErrProof},
		{"the same key twice", single + la, verify.Witnesses{Keys: keys(a, a), Threshold: 1}, nil},
		{"more than there are", single + la, verify.Witnesses{Keys: keys(a), Threshold: 2}, verify.ErrThreshold},
		{"more than there are names", single + la + ln, verify.Witnesses{Keys: keys(a, next), Threshold: 2}, verify.ErrThreshold},
		{"the same key twice, two must", single + la, verify.Witnesses{Keys: keys(a, a), Threshold: 2}, verify.ErrThreshold},
		{"fewer than none", single, verify.Witnesses{Keys: keys(a), Threshold: -1}, verify.ErrThreshold},
	} {
		if err := x.by.Proof([]byte(x.proof), w.lines[4], []string{key.vkey}); !errors.Is(err, x.want) {
			t.Errorf("%s: got %v, want %v", x.name, err, x.want)
		}
	}
	if err := (verify.Witnesses{Keys: keys(a)}).Proof([]byte(single+la), w.lines[3], []string{key.vkey}); !errors.Is(err, verify.ErrProof) {
		t.Errorf("another line: got %v", err)
	}
	if err := verify.Proof([]byte(single+la), w.lines[4], []string{key.vkey}); !errors.Is(err, verify.ErrProof) {
		t.Errorf("Proof takes a cosignature of nobody: %v", err)
	}
	whole, by := []byte(single+la+lb), verify.Witnesses{Keys: keys(a, b), Threshold: 2}
	parallel(len(whole)*8, func(i int) {
		bad := bytes.Clone(whole)
		bad[i/8] ^= 1 << (i % 8)
		if err := by.Proof(bad, w.lines[4], []string{key.vkey}); !errors.Is(err, verify.ErrProof) {
			t.Errorf("byte %d, bit %d: got %v", i/8, i%8, err)
		}
	})
}

// TestKeysOfWitnesses: one form of each, and no key of a log.
func TestKeysOfWitnesses(t *testing.T) {
	a := newCosigner("a.example/w", 1)
	parts := strings.Split(a.vkey, "+")
	longer := append([]byte{4}, make([]byte, 33)...)
	sum := sha256.Sum256(append([]byte("n\n"), longer...))
	spaced := newCosigner("a example", 1)
	for name, bad := range map[string]string{
		"empty":            "",
		"key of a log":     newSigner(t, origin, 1).vkey,
		"other hash":       parts[0] + "+00000000+" + parts[2],
		"upper-case hash":  upperHash(a.vkey),
		"other name":       "b.example+" + parts[1] + "+" + parts[2],
		"no name":          newCosigner("", 1).vkey,
		"stray bits":       stray(t, a.vkey+"="),
		"newline":          a.vkey + "\n",
		"too long":         fmt.Sprintf("n+%x+%s", sum[:4], base64.StdEncoding.EncodeToString(longer)),
		"space":            spaced.vkey,
		"newline in name":  newCosigner("a\nb", 1).vkey,
		"escape in name":   newCosigner("a\x1b[1mb", 1).vkey,
		"type of ML-DSA":   parts[0] + "+" + parts[1] + "+Bg" + parts[2][2:],
		"no base64":        parts[0] + "+" + parts[1] + "+!",
		"one plus":         parts[0] + "+" + parts[1],
		"hash of 9 digits": parts[0] + "+0" + parts[1] + "+" + parts[2],
	} {
		if err := (verify.Witnesses{Keys: []string{a.vkey, bad}}).Check(); !errors.Is(err, verify.ErrBadWitness) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if err := (verify.Witnesses{Keys: []string{a.vkey}, Threshold: 1}).Check(); err != nil {
		t.Error(err)
	}
}

// TestCosignedKnownCheckpoints: what others kept may be cosigned, what stands in the log not.
func TestCosignedKnownCheckpoints(t *testing.T) {
	key := newSigner(t, origin, 1)
	w := small(t, key)
	a, b := newCosigner("a.example", 1), newCosigner("b.example", 2)
	note := w.note(5)
	cosigned := note + a.line(note, 1795382000)
	bad := []verify.Finding{{Code: "known", Index: -1}}
	for _, c := range []struct {
		name  string
		known []string
		by    verify.Witnesses
		want  []verify.Finding
	}{
		{"nobody asks", []string{cosigned}, verify.Witnesses{}, bad},
		{"a is known", []string{cosigned, note}, verify.Witnesses{Keys: []string{a.vkey}}, nil},
		{"a must", []string{cosigned}, verify.Witnesses{Keys: []string{a.vkey}, Threshold: 1}, nil},
		{"a must, one has not", []string{cosigned, note}, verify.Witnesses{Keys: []string{a.vkey}, Threshold: 1}, bad},
		{"both must", []string{cosigned}, verify.Witnesses{Keys: []string{a.vkey, b.vkey}, Threshold: 2}, bad},
		{"a must, and there is none", nil, verify.Witnesses{Keys: []string{a.vkey}, Threshold: 1}, bad},
		{"a need not, and there is none", nil, verify.Witnesses{Keys: []string{a.vkey}}, nil},
	} {
		l := verify.Log{FS: w.files(), Keys: []string{key.vkey}}
		for _, k := range c.known {
			l.Known = append(l.Known, []byte(k))
		}
		r, err := l.Verify(context.Background(), &verify.Options{Witnesses: c.by})
		if err != nil || !slices.Equal(r.Findings, c.want) {
			t.Errorf("%s: got %v, %v", c.name, r, err)
		}
	}
	log := w.files()
	log["checkpoint"].Data = []byte(w.note(8) + a.line(w.note(8), 1))
	l := verify.Log{FS: log, Keys: []string{key.vkey}, Known: [][]byte{[]byte(cosigned)}}
	o := &verify.Options{Witnesses: verify.Witnesses{Keys: []string{a.vkey}, Threshold: 1}}
	if r, err := l.Verify(context.Background(), o); err != nil || first(t, r).Code != "checkpoint" {
		t.Errorf("DIR/checkpoint with a cosignature: got %v, %v", r, err)
	}
	o.Witnesses.Threshold = 2
	if _, err := l.Verify(context.Background(), o); !errors.Is(err, verify.ErrThreshold) {
		t.Errorf("got %v", err)
	}
}
