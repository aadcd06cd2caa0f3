// Package rekey reads how a log goes on under another key.
//
//	said := rekey.Announced(log, "seg/00000000000000000900.jsonl", prefix)
//	ok := said[0].Holds(origin, 900, root)
//
// # Guarantees
//
// A Statement that holds was signed by the new key, of one place in one log. It shares no line
// with what writes logs.
//
// # Limits
//
// Whether the old key agrees, a checkpoint of it over the line has to show.
//
// # Errors
//
// There are none: what cannot be read announces nothing.
//
// # Concurrency
//
// All functions are safe for concurrent use.
package rekey

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Statement is what a line says: from which verifier key to which the log goes, signed by that.
type Statement struct {
	From  string `json:"from_key"`
	To    string `json:"to_key"`
	Proof string // its signature, base64
}

// domain begins with what begins no note: notes have no zero byte.
const domain = "carnet audit: the log goes on under another key, version 1\x00"

// Holds reports whether the new key has said it, of a log that had a tree by then.
func (s Statement) Holds(origin string, size int64, root tlog.Hash) bool {
	from, old := Key(s.From)
	to, known := Key(s.To)
	if !old || !known || from.Name() != origin || to.Name() != origin || from.KeyHash() == to.KeyHash() {
		return false
	}
	sig, err := base64.StdEncoding.DecodeString(s.Proof)
	text := fmt.Sprintf("%s%s\n%d\n%s\n%s\n%s\n", domain, origin, size, root, s.From, s.To)
	return err == nil && base64.StdEncoding.EncodeToString(sig) == s.Proof && to.Verify([]byte(text), sig)
}

// Key encodes a verifier key again: x/mod decodes base64 that has stray bits, and hashes in
// upper case, and keys are compared as text.
func Key(vkey string) (note.Verifier, bool) {
	v, err := note.NewVerifier(vkey)
	if err != nil {
		return nil, false
	}
	_, rest, _ := strings.Cut(vkey, "+")
	_, key, _ := strings.Cut(rest, "+")
	raw, err := base64.StdEncoding.DecodeString(key)
	return v, err == nil && vkey == fmt.Sprintf("%s+%08x+%s", v.Name(), v.KeyHash(), base64.StdEncoding.EncodeToString(raw))
}

// headMost is more than the first batch of a segment has.
const headMost = 4 << 20

// Announced is what the first batch of a segment says, up to its commit line. Nothing of it is
// proven yet: it tells which keys to read notes by.
func Announced(log fs.FS, name, commit string) (said []Statement) {
	for line := range firstBatch(log, name, commit) {
		var w struct{ Carnet struct{ Rekey *Statement } }
		if bytes.Contains(line, []byte(`"rekey"`)) && json.Unmarshal(line, &w) == nil && w.Carnet.Rekey != nil {
			said = append(said, *w.Carnet.Rekey)
		}
	}
	return said
}

// Former is what the first batch of a segment carries of keys that were replaced, the oldest
// first. Nothing of it is proven yet, either.
func Former(log fs.FS, name, commit string) (keys []string) {
	for line := range firstBatch(log, name, commit) {
		var w struct {
			Carnet struct{ Carried json.RawMessage }
		}
		if bytes.Contains(line, []byte(`"carried"`)) && json.Unmarshal(line, &w) == nil {
			keys = append(keys, former(w.Carnet.Carried)...)
		}
	}
	return keys
}

// former is what one line carries of them.
func former(text []byte) []string {
	var m struct{ Former []string }
	if json.Unmarshal(text, &m) != nil {
		return nil
	}
	return m.Former
}

// firstBatch yields the lines of a segment that are before its first commit line.
func firstBatch(log fs.FS, name, commit string) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		f, err := log.Open(name)
		if err != nil {
			return
		}
		defer f.Close()
		in := bufio.NewReader(io.LimitReader(f, headMost))
		for {
			line, err := in.ReadBytes('\n')
			if err != nil || bytes.HasPrefix(line, []byte(commit)) || !yield(line) {
				return
			}
		}
	}
}
