package filevault

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/carnet-go/carnet/auth"
)

// mostVersion has 15 digits: it may stand in a token.
const mostVersion = 999_999_999_999_999

var (
	errPath       = fmt.Errorf("%w: not a path: names of a-z, 0-9, '.', '_' and '-', separated by /", auth.ErrInvalid)
	errField      = fmt.Errorf("%w: a secret has 1 to 64 fields, named with 1 to 64 of a-z, 0-9, '_' and '-'", auth.ErrInvalid)
	errTwice      = fmt.Errorf("%w: a field is named twice", auth.ErrInvalid)
	errValue      = fmt.Errorf("%w: a value has 1 byte to 64 KiB", auth.ErrInvalid)
	errGeneration = fmt.Errorf("%w: the generation is not above that of the file, or too large", auth.ErrInvalid)
	errFull       = fmt.Errorf("%w: there are no more versions", auth.ErrInvalid)
)

// store is the decrypted file. Values stay in base64, and in the buffers that hold
// them, so that all can be wiped.
type store struct {
	last    uint64  // version that was given
	entries []entry // sorted by path
	plain   []byte  // what was parsed; nil: nothing was
}

type entry struct {
	path    string
	version uint64
	at      string // RFC 3339, UTC, whole seconds
	fields  []field
}

type field struct {
	name  string
	value []byte // base64
}

// CheckNames says whether Set takes that path and those fields. It is for who asks a
// person for the values: before they are asked.
func CheckNames(path string, fields ...string) error {
	if !isPath(path) {
		return errPath
	}
	if len(fields) == 0 || len(fields) > mostFields {
		return errField
	}
	for i, name := range fields {
		switch {
		case !fieldPattern.MatchString(name):
			return errField
		case slices.Contains(fields[:i], name):
			return errTwice
		}
	}
	return nil
}

// newEntry has values of its own, and no version yet.
func newEntry(path string, fields map[string]auth.Secret) (entry, error) {
	names := slices.Sorted(maps.Keys(fields))
	if err := CheckNames(path, names...); err != nil {
		return entry{}, err
	}
	e := entry{path: path, at: time.Now().UTC().Format(time.RFC3339)}
	for _, name := range names {
		var value []byte
		err := fields[name].Use(func(b []byte) error {
			if len(b) <= mostValue {
				value = base64.StdEncoding.AppendEncode(nil, b)
			}
			return nil
		})
		if err != nil || value == nil {
			err = errValue
		}
		e.fields = append(e.fields, field{name, value})
		if err != nil {
			e.wipe()
			return entry{}, err
		}
	}
	return e, nil
}

func (e *entry) wipe() {
	for _, f := range e.fields {
		clear(f.value)
	}
}

func (e *entry) versionText() string { return strconv.FormatUint(e.version, 10) }

// secrets are what is issued: copies that live as long as whoever leased them.
func (e *entry) secrets() map[string]auth.Secret {
	all := map[string]auth.Secret{}
	for _, f := range e.fields {
		b, _ := base64.StdEncoding.AppendDecode(nil, f.value) // parse has seen that it is
		all[f.name] = auth.NewSecret(b)
	}
	return all
}

func (e *entry) described() Entry {
	at, _ := time.Parse(time.RFC3339, e.at) // parse has seen that it is
	d := Entry{Path: e.path, Version: e.versionText(), Set: at}
	for _, f := range e.fields {
		d.Fields = append(d.Fields, f.name)
	}
	return d
}

func (s *store) find(path string) (int, bool) {
	return slices.BinarySearchFunc(s.entries, path, func(e entry, p string) int { return strings.Compare(e.path, p) })
}

func (s *store) at(path string) *entry {
	i, ok := s.find(path)
	if !ok {
		return nil
	}
	return &s.entries[i]
}

// set gives e the next version, and puts it in the place of what stood there.
func (s *store) set(e entry) error {
	if s.last >= mostVersion {
		return errFull
	}
	s.last++
	e.version = s.last
	i, ok := s.find(e.path)
	if !ok {
		s.entries = slices.Insert(s.entries, i, e)
	}
	s.entries[i] = e
	return nil
}

func (s *store) remove(path string) bool {
	i, ok := s.find(path)
	if ok {
		s.entries = slices.Delete(s.entries, i, i+1)
	}
	return ok
}

// wipe is for a nil store too.
func (s *store) wipe() {
	if s != nil {
		clear(s.plain)
	}
}

// encode writes the one form that parse reads, into a buffer that does not grow: one
// that grows leaves plain text behind.
func (s *store) encode() []byte {
	size := 64
	for _, e := range s.entries {
		size += len(e.path) + 96
		for _, f := range e.fields {
			size += len(f.name) + len(f.value) + 8
		}
	}
	b := bytes.NewBuffer(make([]byte, 0, size))
	fmt.Fprintf(b, `{"format":%q,"last":%d,"paths":{`, format, s.last)
	for i, e := range s.entries {
		comma(b, i)
		fmt.Fprintf(b, `%q:{"version":%d,"set":%q,"fields":{`, e.path, e.version, e.at)
		for j, f := range e.fields {
			comma(b, j)
			fmt.Fprintf(b, `%q:"`, f.name)
			b.Write(f.value)
			b.WriteByte('"')
		}
		b.WriteString("}}")
	}
	b.WriteString("}}\n")
	return b.Bytes()
}

func comma(b *bytes.Buffer, i int) {
	if i > 0 {
		b.WriteByte(',')
	}
}
