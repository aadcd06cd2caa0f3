package audit_test

import (
	"bytes"
	"testing"

	"github.com/carnet-go/carnet/audit"
)

// FuzzTail: whatever stands behind the last commit, Open keeps every committed line or
// refuses and changes nothing.
func FuzzTail(f *testing.F) {
	dir := create(f)
	l := open(f, dir)
	add(f, l, answer())
	shut(f, l)
	good := read(f, segmentOf(dir))
	commit := good[bytes.LastIndex(good, []byte(`{"commit"`)):]
	for _, tail := range [][]byte{
		nil, {0}, {'\n'}, []byte("{"), []byte(`{"activity_id":`), []byte(`{"commit":{"size":5,`), commit,
		make([]byte, 600), append(make([]byte, 600), commit...), []byte(`{"activity_id":1}` + "\n"),
	} {
		f.Add(tail)
	}
	f.Fuzz(func(t *testing.T, tail []byte) {
		c := clone(t, dir)
		b := append(bytes.Clone(good), tail...)
		write(t, segmentOf(c), b)
		_, err := reopens(t, c)
		after := read(t, segmentOf(c))
		if err != nil && !bytes.Equal(after, b) {
			t.Error("a log that does not open was changed")
		}
		if !bytes.HasPrefix(after, good) {
			t.Error("committed lines are gone")
		}
		if err == nil {
			if _, err := reopens(t, c); err != nil {
				t.Errorf("it opened once: %v", err)
			}
		}
	})
}

// FuzzDecode: a line that cannot be read is an error, never a panic.
func FuzzDecode(f *testing.F) {
	dir := create(f)
	for _, line := range lines(read(f, segmentOf(dir))) {
		f.Add(line)
	}
	f.Add([]byte(`{"carnet":{"chain":[{"issuer":1}]}}`))
	f.Add([]byte(`{"time":1e400}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if e, err := audit.Decode(b); err != nil && e.Action != "" {
			t.Error("an error and an event")
		}
	})
}
