package audit

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"io/fs"

	"github.com/carnet-go/carnet/audit/internal/carry"
	"github.com/carnet-go/carnet/audit/internal/key"
	"github.com/carnet-go/carnet/audit/internal/member"
	"github.com/carnet-go/carnet/audit/internal/queue"
	"github.com/carnet-go/carnet/audit/internal/reach"
	"github.com/carnet-go/carnet/audit/internal/replay"
	"github.com/carnet-go/carnet/internal/segment"
)

// OpenOn is Open on a given disk.
func OpenOn(ctx context.Context, dir string, o *Options, d segment.Disk) (*Log, error) {
	return open(ctx, dir, o, d)
}

// RekeyOn is Rekey on a given disk.
func RekeyOn(ctx context.Context, dir string, next crypto.Signer, o *Options, d segment.Disk) (string, error) {
	return rekeyOn(ctx, dir, next, o, d)
}

// SealOf is what lets a log under a key give up the lines before one.
func SealOf(origin string, signer crypto.Signer, first int64) string {
	k, err := key.New(origin, signer)
	if err != nil {
		panic(err)
	}
	return replay.SealOf(k, first)
}

// Dir is where the log is.
func (l *Log) Dir() string { return l.l.dir }

// Decode reads one line back.
func Decode(line []byte) (Event, error) { return decode(line) }

// What the tests of limits need to know.
const (
	MaxLine = maxLine
	TornMax = replay.MaxTorn
)

// Margin is the space that only answers, revocations and undos may use.
var Margin = int(margins[queue.Crossing])

// Files is where the log is read from.
func (l *Log) Files() fs.FS { return l.l.durable.FS() }

// ReadFrom reads the log from another place, of the same content, from before anything is
// appended.
func (l *Log) ReadFrom(fsys fs.FS) {
	l.l.durable = reach.New(fsys, l.l.durable.Parts(), l.l.durable.Lines())
}

// AppendLine is Append of a line that no Event makes.
func (l *Log) AppendLine(ctx context.Context, text []byte) (Receipt, error) {
	return l.l.put(ctx, append([]byte{0}, text...), queue.Item{Class: queue.Crossing, Fact: carry.Fact{Time: 1}})
}

// Facts are what is remembered of an event when it is written, and when its line is read.
func (l *Log) Facts(e Event) (written, read carry.Fact) {
	x := line{key: l.l.key, b: []byte{0}}
	_ = x.meet(context.Background(), &e, l.l.people, queue.Crossing)
	x.encode(&e, extra{})
	return factOf(&e), new(carry.Reader).Read(x.b[1:])
}

// NoteText is how a signed note is written, in quotes.
func NoteText(s string) []byte {
	x := member.Text("{")
	x.Note("n", s)
	return x[len(`{"n":`):]
}

// Encoder encodes an event again and again.
func Encoder(l *Log, e Event) func() {
	to := &line{key: l.l.key, b: make([]byte, 0, 1<<16)}
	return func() {
		if err := to.meet(context.Background(), &e, l.l.people, queue.Crossing); err != nil {
			panic(err)
		}
		to.b = append(to.b[:0], 0)
		to.encode(&e, extra{})
	}
}

// Rename has the next lines of an open log, which nobody else appends to, name another log;
// empty: the right one again.
func Rename(l *Log, origin string) {
	for l.l.pool.Get() != nil {
	}
	if origin == "" {
		return
	}
	k, err := key.New(origin, ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)))
	if err != nil {
		panic(err)
	}
	for range 32 { // the race detector lets pools forget
		l.l.pool.Put(&line{key: k})
	}
}

// Full says whether the newest segment takes another line.
func Full(l *Log, is bool) {
	if l.l.most.Store(segmentBytes); is {
		l.l.most.Store(1)
	}
	l.l.queue.Take(nil, nil) // of nothing: the committer has its lock before it looks
}
