package isolate

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/carnet-go/carnet/mapping"
	"github.com/carnet-go/carnet/mapping/internal/apart"
)

// batch is one loop over a child.
type batch struct {
	*process
	mapper *mapping.Mapper
	parts  apart.Parts[mapping.Document, mapping.KeySource, mapping.Record]
	back   func() // gives the keys back

	mu     sync.Mutex
	sent   int64 // bytes of the stream
	ended  bool  // the stream
	failed error // the reader's

	cut bool // the newest document was none, as a stream that is cut ends with
}

var errPanic = errors.New("isolate: the stream's reader panicked")

// start starts a child that has walls and the same mapping.
func start(ctx context.Context, m *mapping.Mapper, keys mapping.KeySource, limits Limits) (*batch, error) {
	if until := m.NotAfter(); !until.IsZero() && !time.Now().Before(until) {
		return nil, mapping.ErrExpired
	}
	borrowed, back, err := borrow(ctx, m.Keys(), keys)
	if err != nil {
		return nil, err
	}
	b := &batch{mapper: m, parts: m.Apart(apart.Permitted()), back: back}
	to := m.Destination()
	b.process, err = begin(ctx, &order{
		Source: b.parts.Source, Destination: b.parts.Destination, Mapping: b.parts.Mapping,
		System: to.System, Kind: to.Kind, Jurisdictions: to.Jurisdictions,
		Class: uint8(to.Clearance.Class), Categories: to.Clearance.Categories, Purposes: to.Clearance.Purposes,
		Keys: borrowed, Life: limits.Time, Memory: limits.Memory,
	})
	if err != nil {
		back()
		return nil, err
	}
	up, hash, err := b.ready()
	switch {
	case err != nil:
	case !enough(up) && !limits.Weaker:
		err = ErrWalls
	case hash != m.Hash():
		err = ErrOther
	}
	if err != nil {
		b.end()
		return nil, err
	}
	return b, nil
}

// end ends the child, and gives the keys back.
func (b *batch) end() {
	b.process.end()
	b.back()
}

// receive yields what the child says of the documents, in their order. The error is the last.
func (b *batch) receive(documents io.Reader, yield func(mapping.Record, error) bool) error {
	go b.send(documents)
	for index := int64(0); ; index++ {
		k, payload, err := b.next()
		switch {
		case errors.Is(err, errFrame):
			return ErrFalse
		case err != nil:
			return b.why()
		}
		record, refused, err := b.said(k, payload, index)
		if err != nil || k == isEnd {
			return err
		}
		if !yield(record, refused) {
			return nil
		}
	}
}

// said is what a frame means: a record, the refusal of a document, or the error that is the last.
func (b *batch) said(k kind, payload []byte, index int64) (r mapping.Record, refused, last error) {
	sent, ended, failed := b.progress()
	cut := b.cut
	b.cut = false
	switch k {
	case isRecord:
		if len(payload) < 4 {
			return r, nil, ErrFalse
		}
		made, err := b.parts.Back(b.caller, payload[4:], int(binary.BigEndian.Uint32(payload)))
		if _, wrong := errors.AsType[*mapping.DataError](err); wrong {
			return r, nil, ErrFalse
		}
		if err != nil {
			return r, nil, err
		}
		return made, nil, nil
	case isReject, isStopped:
		var no rejection
		if json.Unmarshal(payload, &no) != nil || no.Offset < 0 || no.Offset > sent {
			return r, nil, ErrFalse
		}
		if k == isStopped && failed != nil && no == (rejection{Offset: no.Offset}) {
			return r, nil, &mapping.RejectError{Index: index, Offset: no.Offset, Last: true, Err: failed}
		}
		b.cut = no.Last
		if k == isReject && (!no.Last || no.Code == "M301") && slices.Contains(codes, no.Code) && b.parts.Known(no.Path) {
			return r, &mapping.RejectError{Index: index, Offset: no.Offset, Last: no.Last, Err: &mapping.DataError{Code: no.Code, Path: no.Path}}, nil
		}
	case isEnd:
		switch {
		case failed != nil && !cut:
			return r, nil, &mapping.RejectError{Index: index, Offset: sent, Last: true, Err: failed}
		case ended || cut:
			return r, nil, nil
		}
	case isExpired:
		return r, nil, mapping.ErrExpired
	case isNoKey:
		return r, nil, mapping.ErrNoKey
	}
	return r, nil, ErrFalse
}

// codes are those of a DataError.
var codes = []string{"M301", "M302", "M303", "M304", "M305", "M306", "M307", "M308", "M309", "M310", "M311", "M312", "M313", "M314", "M315", "M316"}

// send sends the stream. A reader that fails ends it without its end, so that nothing that was
// cut is taken for whole.
func (b *batch) send(documents io.Reader) {
	memory := make([]byte, chunk)
	defer clear(memory)
	err := errPanic
	defer func() {
		if recover() != nil {
			b.fail(err)
		}
		_ = b.in.Close()
	}()
	for empty := 0; b.ctx.Err() == nil && empty < mostEmpty; empty++ {
		var n int
		n, err = documents.Read(memory)
		b.count(n, err == io.EOF)
		if n > 0 {
			empty = 0
		}
		if n > 0 && writeFrame(b.in, isData, memory[:n]) != nil {
			return
		}
		switch {
		case err == io.EOF:
			_ = writeFrame(b.in, isEnd, nil)
			return
		case err != nil:
			b.fail(err)
			return
		}
		err = errPanic
	}
	b.fail(io.ErrNoProgress)
}

// mostEmpty is how often in a row a reader may read nothing.
const mostEmpty = 100

func (b *batch) count(n int, ended bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sent, b.ended = b.sent+int64(n), ended
}

func (b *batch) fail(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failed = err
}

func (b *batch) progress() (sent int64, ended bool, failed error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.sent, b.ended, b.failed
}
