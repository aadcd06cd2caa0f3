package audit

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/carnet-go/carnet/audit/internal/carry"
	"github.com/carnet-go/carnet/audit/internal/cursor"
	"github.com/carnet-go/carnet/audit/internal/key"
	"github.com/carnet-go/carnet/audit/internal/people"
	"github.com/carnet-go/carnet/audit/internal/queue"
	"github.com/carnet-go/carnet/audit/internal/reach"
	"github.com/carnet-go/carnet/audit/internal/removal"
	"github.com/carnet-go/carnet/audit/internal/tree"
	"github.com/carnet-go/carnet/internal/segment"
)

var (
	// ErrNotRecorded means that the event is not in the log and never will be.
	ErrNotRecorded = errors.New("audit: not recorded")
	// ErrIndeterminate means that the caller left, or the disk failed, before it was
	// known whether the event is in the log. What depends on it must not go on.
	ErrIndeterminate = errors.New("audit: recorded or not is unknown")
)

var (
	errZero     = fmt.Errorf("%w: the log was not opened", ErrNotRecorded)
	errLong     = fmt.Errorf("%w: the line is longer than 65535 bytes", ErrNotRecorded)
	errFull     = fmt.Errorf("%w: the disk has no space", ErrNotRecorded)
	errReplaced = fmt.Errorf("%w: somebody else removed, moved or changed the log; no more is written", ErrNotRecorded)
	errPoisoned = fmt.Errorf("%w: an earlier write failed; close the log and open it again", ErrNotRecorded)
	errNext     = fmt.Errorf("%w: no new segment could be made", ErrNotRecorded)
	errUnproven = fmt.Errorf("%w: the last checkpoint could not be made or written", ErrNotRecorded)
	errTenant   = fmt.Errorf("%w: the log is another tenant's", ErrNotRecorded)
	errStores   = fmt.Errorf("%w: the log knows of 256 stores, and keeps them", ErrNotRecorded)
	errDisk     = fmt.Errorf("%w: the disk failed", ErrIndeterminate)
)

// Options of Create and Open. Nil means the documented defaults.
type Options struct {
	// Signer is an Ed25519 key (RFC 8032, deterministic) that signs checkpoints on the
	// path of a commit, so it should be local. Nil: the key beside the log, DIR.key,
	// mode 0600, made by Create or Rekey.
	Signer crypto.Signer
	// Floor is a checkpoint that somebody else keeps, as [Log.Proof] and DIR/checkpoint
	// show it: a log that is behind it, or has another history, does not open. It may be of
	// a key that the log had before. Create ignores it. Nil: none.
	Floor []byte
	// NewPeople begins another table of people where the one of the log is missing, damaged or
	// older than the log: everybody gets a new pseudonym, and whose the old ones were is
	// forgotten. A table that opens is kept. False: a log without its table does not open.
	// Create ignores it.
	NewPeople bool
	// SegmentBytes is when Open's log begins a new segment: when the next write would make
	// the newest longer. Zero: 256 MiB. Create ignores it.
	SegmentBytes int64
	// SegmentAge is how old the newest segment may be when something is written. Zero: as
	// old as it gets. Create ignores it.
	SegmentAge time.Duration
	// Feeds are sinks that get a copy of each line. Create ignores them, and what follows.
	// Nil: none.
	Feeds []Feed
	// Jurisdictions in which the log's lines may be kept; "*" is all. Nil: nowhere else.
	Jurisdictions []string
	// Class is the highest of what the lines tell. Empty: internal.
	Class string
}

// Log is one append-only log. A zero or nil Log refuses. Safe for concurrent use.
type Log struct{ l *log }

// log is an open log. The committer owns the tree and the file's end.
type log struct {
	dir    string
	key    *key.Key
	lock   *segment.Lock
	folder *segment.Folder
	people *people.Table
	now    newest
	most   atomic.Int64  // bytes of a segment
	age    time.Duration // of a segment; 0: any
	pool   sync.Pool     // of *line

	tenant  atomic.Pointer[string] // of the first event that had one; nil: of none yet
	claimed atomic.Bool

	queue   *queue.Queue
	closing chan struct{} // closed by Close: the committer drains, signs and ends
	ended   chan struct{} // closed when it has
	result  error         // of the committer; after ended

	tree    tree.Tree
	dirty   bool // there are lines that no checkpoint covers
	bad     bool // the last checkpoint could not be made or written
	durable *reach.Extent
	state   *carry.State
	facts   []carry.Fact // buffer of the committer

	published reach.Signed
	tiles     tree.Folder
	shipped   int // full tiles in the last publication
	recovery  Recovery
	last      map[string]int64 // by action, the newest line when it was opened
	removal   *removal.Removal

	feeds  cursor.Group
	failed atomic.Bool // no more is written
}

func (l *Log) open() (*log, error) {
	if l == nil || l.l == nil {
		return nil, errZero
	}
	return l.l, nil
}

// Key is the verifier key, in the signed-note form, to be given to those who verify;
// empty on a zero Log.
func (l *Log) Key() string {
	if g, err := l.open(); err == nil {
		return g.key.Verifier()
	}
	return ""
}

// Claim is true once for an open log, and false on a zero one. Whoever grants by what
// this log witnesses claims it first: a second one, with a boundary of his own, could
// otherwise open what the first one's vault holds.
func (l *Log) Claim() bool {
	g, err := l.open()
	return err == nil && !g.claimed.Swap(true)
}

// Fingerprint is a keyed digest, 64 hex digits: equal in one log, useless to whoever
// has not its key. Empty on a zero Log, which is no fingerprint of anything.
func (l *Log) Fingerprint(b []byte) string {
	if g, err := l.open(); err == nil {
		return g.key.Fingerprint(b)
	}
	return ""
}

// Recovery is what Open found.
type Recovery struct {
	Torn    int64 // bytes cut after the last whole commit; none was acknowledged
	Orphans int   // grants without an outcome, closed as unknown
}

// Recovery says what Open found; zero on a zero Log.
func (l *Log) Recovery() Recovery {
	if g, err := l.open(); err == nil {
		return g.recovery
	}
	return Recovery{}
}

// Newest is the index of the newest event with an action that there was when the log was
// opened; -1: there was none, or it is a zero Log. Of gate.freeze, gate.thaw and what begins with
// vault.generation it is always known, and of the 256 other actions that came last: of an older
// one it is -1 too.
func (l *Log) Newest(action string) int64 {
	if g, err := l.open(); err == nil {
		if index, ok := g.last[action]; ok {
			return index
		}
	}
	return -1
}

// Receipt is what a proof needs.
type Receipt struct {
	Index int64    // of the line, from 0
	Leaf  [32]byte // RFC 6962 leaf hash
}

// Append returns when the event is on the disk: nil, ErrNotRecorded or
// ErrIndeterminate. It waits for the disk at most until ctx ends. The event is written
// exactly as it is, or not at all; but an answer to a grant that the log itself had
// closed as unknown gets the index of that line, where Resolves is zero.
//
// Of queue and disk there are shares. An event that answers (it has no decision, and an
// outcome or a grant with a reason) is written until the last byte of the disk; before it
// is reached, what revokes or undoes is refused, earlier what begins, and first of all
// what was denied. Only answers are written while checkpoints cannot be, or a segment is
// full and no other can be made.
func (l *Log) Append(ctx context.Context, e Event) (Receipt, error) {
	g, err := l.open()
	if err != nil {
		return Receipt{}, err
	}
	if err := ctx.Err(); err != nil {
		return Receipt{}, fmt.Errorf("%w: %w", ErrNotRecorded, err)
	}
	if err := validate(&e); err != nil {
		return Receipt{}, err
	}
	if !g.isOf(e.Tenant) {
		return Receipt{}, errTenant
	}
	if !g.state.Takes(e.Action) {
		return Receipt{}, errStores
	}
	if e.Time.IsZero() {
		e.Time = time.Now()
	}
	class := shareOf(&e)
	if class >= queue.Crossing && g.feeds.Refuses() {
		return Receipt{}, errLag
	}
	if e.Resolves == 0 && e.Grant != "" && class == queue.Outcome && e.Outcome != OutcomeUnknown {
		e.Resolves = g.state.Closing(e.Grant, e.Action)
	}
	buf, _ := g.pool.Get().(*line)
	if buf == nil {
		buf = &line{key: g.key, b: make([]byte, 0, 2048)}
	}
	defer g.pool.Put(buf)
	if err := buf.meet(ctx, &e, g.people, class); err != nil {
		return Receipt{}, fmt.Errorf("%w: %w", ErrNotRecorded, err)
	}
	buf.b = append(buf.b[:0], 0)
	buf.encode(&e, extra{})
	return g.put(ctx, buf.b, queue.Item{Class: class, Fact: factOf(&e)})
}

// put hands a line over, behind its byte of room, and waits for what becomes of it.
func (g *log) put(ctx context.Context, roomAndLine []byte, it queue.Item) (Receipt, error) {
	if len(roomAndLine) > 1+maxLine {
		return Receipt{}, errLong
	}
	it.Leaf = tree.LeafHash(roomAndLine)
	t, err := g.queue.Put(ctx, roomAndLine[1:], it)
	if err != nil {
		return Receipt{}, fmt.Errorf("%w: %w", ErrNotRecorded, err)
	}
	if err := t.Wait(ctx); err != nil {
		return Receipt{}, fmt.Errorf("%w: %w", ErrIndeterminate, err)
	}
	index, err := t.Index()
	if err != nil {
		return Receipt{}, err
	}
	return Receipt{Index: index, Leaf: it.Leaf}, nil
}

// isOf says whether the log may hold events of the tenant. The first tenant keeps it:
// whoever trusts what a log has witnessed must not trust another tenant's evidence.
func (g *log) isOf(tenant string) bool {
	if now := g.tenant.Load(); now != nil || tenant == "" {
		return tenant == "" || *now == tenant
	}
	return g.bind(strings.Clone(tenant))
}

// bind is apart from isOf, which is to keep nothing.
func (g *log) bind(tenant string) bool {
	return g.tenant.CompareAndSwap(nil, &tenant) || *g.tenant.Load() == tenant
}

// Close refuses new events, writes those that wait, signs a checkpoint of everything,
// gives each feed its Within to get what there is, and unlocks; one that has not got it
// all makes it ErrBehind. When ctx ends first the work goes on without the caller, who may
// call again. Closing twice is the same as once; a zero Log has nothing to close.
func (l *Log) Close(ctx context.Context) error {
	g, err := l.open()
	if err != nil {
		return nil
	}
	if g.queue.Close() {
		close(g.closing)
	}
	select {
	case <-g.ended:
		return g.result
	case <-ctx.Done():
		return ctx.Err()
	}
}
