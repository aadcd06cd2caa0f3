// Package people is the table of a log's pseudonyms: the one place that knows whose they are.
//
//	err := people.Create(dir, key)                    // with the log
//	t, err := people.Open(dir, key, people.Want{})    // judges, and changes nothing
//	err = t.Repair()                                  // what a crash left
//	name, err := t.Name(ctx, issuer, subject, spare)  // of somebody, who gets one
//	name, ok := t.Find(issuer, subject)               // who does not
//	err = t.Erase(ctx, issuer, subject)
//	err = people.Reseal(dir, key, next)               // when the log gets another key
//
// # Guarantees
//
// A pseudonym is random. A row says which one somebody has by a keyed digest, so the table
// alone names nobody; its key is random too, and stands in the table's head, sealed under the
// log's key. A row is durable before Name returns it, and many new ones share one write and one
// fdatasync. Erase replaces the table by one without the row, whose generation is one more: a
// row counts in its generation and place only, and a generation that is older than Want says
// does not open. Whichever of both files a crash leaves is whole, and the older one has no name
// any more. Only its owner may read the file.
//
// # Format
//
// A head of 128 bytes: "carnet people 1\n", and sealed the digests' key, the generation, that
// with which the table began, the tags' key, and zeros. Then rows of 64: digest, pseudonym, and the tag of both
// with generation and place. No row lies in two blocks of a disk.
//
// # Limits
//
// Whoever may write the file can cut rows from its end, or put back an older file of the same
// generation: those people get new pseudonyms. The digests' key stays when the log gets another
// key, as pseudonyms do: who has that log's old key and an old copy of the table can tell of
// whomever he thinks of whether a table has them. What atomicfile left of an Erase that crashed has
// rows too; who opens a log removes it first. The table is all read by Open and by each Erase,
// and held in memory, about 120 bytes a person; it takes [Most].
//
// # Errors
//
// Those of Open and Repair speak for package audit. Those of Name and Erase are the end of a
// sentence that the caller begins; all but [ErrUnknown], and the error of ctx, say that nothing
// became of it.
//
// # Concurrency
//
// A Table is safe for concurrent use. One goroutine writes while there is something to write.
package people

import (
	"context"
	"encoding/hex"
	"errors"
	"io/fs"
	"sync"
	"sync/atomic"

	"github.com/carnet-go/carnet/audit/internal/key"
	"github.com/carnet-go/carnet/internal/segment"
)

// Most is how many people a table takes: 64 MiB on the disk.
const Most = 1 << 20

// What Name and Erase say.
var (
	ErrNobody  = errors.New("the table has nobody of this issuer and subject")
	ErrUnknown = errors.New("whether the table was replaced is unknown; open the log again")
	ErrKept    = errors.New("the table could not be replaced")
	ErrMost    = errors.New("the table of people is full")
	ErrSpace   = errors.New("the disk has no space for somebody new")
	ErrStopped = errors.New("the table of people failed, or was changed by somebody else; close the log and open it again")
	ErrClosed  = errors.New("the log is closed")
)

// Name is a pseudonym.
type Name [16]byte

// Append appends "p-" and 32 hex digits.
func (n Name) Append(b []byte) []byte { return hex.AppendEncode(append(b, "p-"...), n[:]) }

// String is that text.
func (n Name) String() string { return string(n.Append(nil)) }

type digest [32]byte

// Table is an open table. A nil one has nobody to close.
type Table struct {
	path    string
	disk    segment.Disk
	key     *key.Key
	digests *key.Keyed
	shards  [64]shard
	now     atomic.Int64 // the generation
	born    int64

	mu      sync.Mutex
	known   int                  // rows
	waiting map[digest]*newcomer // without a row yet
	order   []*newcomer          // of whom nobody takes care yet
	erasing []*erasure
	idle    chan struct{} // closed when the writer ends; nil: there is none
	closed  bool

	// Of the writer, and before it of Open and Repair.
	head    head
	file    *segment.File
	stopped bool
	swap    func(path string, b []byte, mode fs.FileMode) error // atomicfile.Write
	found   found
}

// shard is a part of the table, so that callers on many processors seldom meet.
type shard struct {
	mu    sync.RWMutex
	names map[digest]Name
	_     [32]byte // to the next line of a processor's cache
}

func (t *Table) shard(d digest) *shard { return &t.shards[d[0]%64] }

func (t *Table) find(d digest) (Name, bool) {
	s := t.shard(d)
	s.mu.RLock()
	defer s.mu.RUnlock()
	n, ok := s.names[d]
	return n, ok
}

func (t *Table) put(d digest, n Name) {
	s := t.shard(d)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.names == nil {
		s.names = map[digest]Name{}
	}
	s.names[d] = n
}

func (t *Table) forget(d digest) {
	s := t.shard(d)
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.names, d)
}

// Find is the pseudonym that somebody has; false: he has none.
func (t *Table) Find(issuer, subject string) (Name, bool) {
	return t.find(t.digests.Sum(issuer, subject))
}

// Name is the pseudonym of somebody, who gets a new one where he has none. Spare are bytes of
// the disk that are for those who matter more, and must be left behind a new row.
func (t *Table) Name(ctx context.Context, issuer, subject string, spare int64) (Name, error) {
	d := t.digests.Sum(issuer, subject)
	if n, ok := t.find(d); ok {
		return n, nil
	}
	return t.add(ctx, d, spare)
}

// Erase forgets whose a pseudonym was: durably, when it returned nil. ErrNobody: there is
// nothing to forget.
func (t *Table) Erase(ctx context.Context, issuer, subject string) error {
	return t.remove(ctx, t.digests.Sum(issuer, subject))
}

// Generation is how often the table was replaced. Born is the one with which it began, empty;
// 0: with the log.
func (t *Table) Generation() (now, born int64) { return t.now.Load(), t.born }

// Close waits for what is being written.
func (t *Table) Close() error {
	if t == nil {
		return nil
	}
	t.mu.Lock()
	t.closed = true
	idle := t.idle
	t.mu.Unlock()
	if idle != nil {
		<-idle
	}
	return t.file.Close()
}
