package people

import (
	"context"
	"crypto/rand"
	"errors"
	"os"
	"runtime"

	"github.com/carnet-go/carnet/internal/segment"
)

// newcomer is somebody without a row yet; many may wait for one.
type newcomer struct {
	digest digest
	spare  int64
	done   chan struct{}
	name   Name // after done
	err    error
}

// erasure is a row that is to go.
type erasure struct {
	digest digest
	done   chan struct{}
	err    error // after done
}

// add waits for a row. Who was put off because others matter more than whom he waited with
// tries by himself.
func (t *Table) add(ctx context.Context, d digest, spare int64) (Name, error) {
	for {
		w, err := t.enlist(d, spare)
		if err != nil {
			return Name{}, err
		}
		select {
		case <-w.done:
		case <-ctx.Done():
			return Name{}, ctx.Err()
		}
		if w.err != ErrSpace || w.spare <= spare {
			return w.name, w.err
		}
	}
}

func (t *Table) enlist(d digest, spare int64) (*newcomer, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if w := t.waiting[d]; w != nil {
		return w, nil
	}
	w := &newcomer{digest: d, spare: spare, done: make(chan struct{})}
	if n, ok := t.find(d); ok { // by now
		w.name = n
		close(w.done)
		return w, nil
	}
	switch {
	case t.closed:
		return nil, ErrClosed
	case t.known+len(t.waiting) >= Most:
		return nil, ErrMost
	}
	t.waiting[d] = w
	t.order = append(t.order, w)
	t.wake()
	return w, nil
}

func (t *Table) remove(ctx context.Context, d digest) error {
	e := &erasure{digest: d, done: make(chan struct{})}
	t.mu.Lock()
	if t.closed {
		t.mu.Unlock()
		return ErrClosed
	}
	t.erasing = append(t.erasing, e)
	t.wake()
	t.mu.Unlock()
	select {
	case <-e.done:
		return e.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// wake starts the writer where there is none.
func (t *Table) wake() {
	if t.idle == nil {
		t.idle = make(chan struct{})
		go t.write()
	}
}

// write ends when nobody waits.
func (t *Table) write() {
	for {
		t.mu.Lock()
		var e *erasure
		var come []*newcomer
		switch {
		case len(t.erasing) > 0:
			e, t.erasing = t.erasing[0], t.erasing[1:]
		case len(t.order) > 0:
			n := min(len(t.order), batch)
			come, t.order = t.order[:n:n], t.order[n:]
		default:
			close(t.idle)
			t.idle = nil
			t.mu.Unlock()
			return
		}
		t.mu.Unlock()
		if e != nil {
			e.err = t.erase(e.digest)
			close(e.done)
		} else {
			t.welcome(come)
		}
	}
}

// welcome gives a batch of people their rows, or those of them for whom there is space.
func (t *Table) welcome(come []*newcomer) {
	for len(come) > 0 {
		most := int64(0)
		for _, w := range come {
			most = max(most, w.spare)
		}
		err := t.room(len(come), most)
		if err == nil {
			err = t.append(come)
		}
		if err != ErrSpace {
			t.settle(come, err)
			return
		}
		var rest, out []*newcomer // without those who matter least
		for _, w := range come {
			if w.spare < most {
				rest = append(rest, w)
			} else {
				out = append(out, w)
			}
		}
		t.settle(out, err)
		come = rest
	}
}

func (t *Table) room(rows int, spare int64) error {
	if t.stopped {
		return ErrStopped
	}
	return t.outcome(t.file.Room(int64(rows)*rowSize, spare))
}

// append makes rows durable. A batch is not written again after a failure: nobody has seen a
// name of it.
func (t *Table) append(come []*newcomer) error {
	r, place := t.head.rower(), int(t.file.Size()-headSize)/rowSize
	b := make([]byte, 0, len(come)*rowSize)
	for i, w := range come {
		_, _ = rand.Read(w.name[:]) // it never fails
		b = r.append(b, place+i, w.digest, w.name)
	}
	return t.outcome(t.file.Append(b))
}

// outcome says what a failure of the file means to whoever waits.
func (t *Table) outcome(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, segment.ErrFull):
		return ErrSpace
	}
	t.stopped = true
	return ErrStopped
}

// settle tells those who wait what became of them.
func (t *Table) settle(come []*newcomer, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, w := range come {
		if err == nil {
			t.take(w.digest, w.name)
		} else {
			w.name, w.err = Name{}, err
		}
		delete(t.waiting, w.digest)
		close(w.done)
	}
}

// erase replaces the table by one without a row.
func (t *Table) erase(d digest) error {
	if _, ok := t.find(d); !ok {
		return ErrNobody
	}
	if t.stopped {
		return ErrStopped
	}
	h := t.head
	h.generation++
	b, ok := t.without(d, &h)
	if !ok {
		t.stopped = true
		return ErrStopped
	}
	if err := t.replace(b); err != nil {
		return err
	}
	t.head = h
	t.now.Store(h.generation)
	t.forget(d)
	t.mu.Lock()
	t.known--
	t.mu.Unlock()
	return nil
}

// without is the table of another generation, without a row; false: the file has not what was
// written to it.
func (t *Table) without(d digest, h *head) ([]byte, bool) {
	old := make([]byte, t.file.Size())
	if _, err := t.file.ReadAt(old, 0); err != nil {
		return nil, false
	}
	b, r, place := make([]byte, 0, len(old)), h.rower(), 0
	b = append(b, h.text(t.key)...)
	end, _ := t.head.rows(old, func(have digest, n Name) {
		if have != d {
			b = r.append(b, place, have, n)
			place++
		}
	})
	return b, end == len(old) && len(b) == len(old)-rowSize
}

// replace puts another file in place, and goes on in that.
func (t *Table) replace(b []byte) error {
	before, _ := os.Lstat(t.path)
	if runtime.GOOS == "windows" {
		_ = t.file.Close() // an open file cannot be replaced there
	}
	err := t.swap(t.path, b, private)
	if err == nil {
		t.reopen()
		return nil
	}
	if after, err := os.Lstat(t.path); before == nil || err != nil || !os.SameFile(before, after) {
		t.stopped = true
		return ErrUnknown
	}
	if runtime.GOOS == "windows" {
		t.reopen()
	}
	return ErrKept
}

// reopen: where the file does not open nobody new gets a row; that the old one is gone stays true.
func (t *Table) reopen() {
	_ = t.file.Close()
	file, err := segment.Open(t.path, t.disk)
	if err != nil {
		t.stopped = true
		return
	}
	t.file = file
}
