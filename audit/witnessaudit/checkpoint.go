package witnessaudit

import (
	"encoding/base64"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// maxNote bounds a checkpoint with all its signatures: 16 of ML-DSA-44 have to fit.
const maxNote = 60 << 10

var (
	errMalformed = errors.New("witnessaudit: the checkpoint is malformed")
	errForeign   = errors.New("witnessaudit: the checkpoint is not signed by a key of its log")
)

// tree is what a checkpoint says: C2SP tlog-checkpoint.
type tree struct {
	origin string
	size   int64
	root   tlog.Hash
	text   string // all that is signed, with its last newline
}

// textOf is what stands before the signatures of a note.
func textOf(msg []byte) (string, bool) {
	text, _, ok := strings.Cut(string(msg), "\n\n") // a checkpoint has no empty line of its own
	return text + "\n", ok
}

// parseTree takes the one encoding of a checkpoint's text, with whatever extension lines.
func parseTree(text string) (tree, bool) {
	lines := strings.Split(text, "\n")
	if len(lines) < 4 || slices.Index(lines, "") != len(lines)-1 {
		return tree{}, false
	}
	size, ok := parseSize(lines[1])
	root, err := tlog.ParseHash(lines[2])
	if !ok || err != nil || root.String() != lines[2] {
		return tree{}, false
	}
	return tree{lines[0], size, root, text}, true
}

// parseSize refuses signs and leading zeros, which strconv does not.
func parseSize(s string) (int64, bool) {
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil && n >= 0 && strconv.FormatInt(n, 10) == s
}

// openTree verifies that a key of the log signed, and returns the note as it was read.
func openTree(msg []byte, keys note.Verifiers) (tree, *note.Note, error) {
	if len(msg) > maxNote {
		return tree{}, nil, errMalformed
	}
	text, ok := textOf(msg)
	if !ok {
		return tree{}, nil, errMalformed
	}
	t, ok := parseTree(text)
	if !ok {
		return tree{}, nil, errMalformed
	}
	n, err := note.Open(msg, keys)
	var unverified *note.UnverifiedNoteError
	var invalid *note.InvalidSignatureError
	switch {
	case errors.As(err, &unverified), errors.As(err, &invalid):
		return t, nil, errForeign
	case err != nil || n.Text != text:
		return tree{}, nil, errMalformed
	}
	return t, n, nil
}

// Checkpoint is what a log has signed, and who has cosigned it.
type Checkpoint struct {
	Origin       string
	Size         int64    // of the tree: number of lines
	Root         [32]byte // RFC 6962
	Cosignatures []Cosignature
}

// Cosignature says that a witness knew no longer history of the log, and none beside it.
type Cosignature struct {
	Witness string    // name in its key
	Time    time.Time // on its clock; UTC seconds
}

// ReadCheckpoint reads a checkpoint that one of the log's keys signed, such as what stands in
// DIR/cosigned, and tells which of the witnesses, by their verifier keys, have cosigned it.
// How many of them are enough is the caller's to say; signatures of others are left
// alone. A signature that claims to be of one of these keys and is not is an error.
func ReadCheckpoint(msg []byte, log, witnesses []string) (Checkpoint, error) {
	of, err := logKeys(log)
	if err != nil {
		return Checkpoint{}, err
	}
	var known []*verifier
	for _, vkey := range witnesses {
		v, err := parseVerifier(vkey)
		if err != nil {
			return Checkpoint{}, err
		}
		known = append(known, v)
	}
	t, stamps, err := openCosigned(msg, of, known)
	c := Checkpoint{Origin: t.origin, Size: t.size, Root: t.root}
	for _, v := range known {
		if s, ok := stamps[v.id()]; ok {
			c.Cosignatures = append(c.Cosignatures, Cosignature{v.name, time.Unix(s.time, 0).UTC()})
		}
	}
	if err != nil {
		return Checkpoint{}, err
	}
	return c, nil
}

// stamp is one valid cosignature.
type stamp struct {
	time int64
	line string // with its newline, in its one encoding
}

// openCosigned verifies both kinds of signatures.
func openCosigned(msg []byte, log origins, known []*verifier) (tree, map[string]stamp, error) {
	origin, _, _ := strings.Cut(string(msg), "\n")
	keys := log[origin]
	if keys == nil {
		return tree{}, nil, errForeign
	}
	t, _, err := openTree(msg, note.VerifierList(keys...))
	if err != nil {
		return tree{}, nil, err
	}
	stamps, err := cosignaturesOf(t.text, msg[len(t.text)+1:], known)
	return t, stamps, err
}

// cosignaturesOf finds those of known witnesses among signature lines.
func cosignaturesOf(text string, lines []byte, known []*verifier) (map[string]stamp, error) {
	list := make([]note.Verifier, len(known))
	for i, v := range known {
		list[i] = v
	}
	n, err := note.Open(slices.Concat([]byte(text), []byte("\n"), lines), note.VerifierList(list...))
	var unverified *note.UnverifiedNoteError
	switch {
	case errors.As(err, &unverified):
		return nil, nil
	case err != nil || n.Text != text:
		return nil, ErrCosignature
	}
	stamps := map[string]stamp{}
	for _, s := range n.Sigs {
		raw, err := base64.StdEncoding.DecodeString(s.Base64)
		if err != nil {
			return nil, ErrCosignature
		}
		stamps[idOf(s.Name, s.Hash)] = stamp{timeOf(raw[4:]), lineOf(s.Name, raw)}
	}
	return stamps, nil
}

// signed is a note that was opened, with the signatures that were verified alone.
func signed(n *note.Note) string {
	text := n.Text + "\n"
	for _, s := range n.Sigs {
		raw, _ := base64.StdEncoding.DecodeString(s.Base64) // as note.Open has done
		text += lineOf(s.Name, raw)
	}
	return text
}
