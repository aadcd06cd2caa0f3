// Package split cuts a stream of JSON documents into its documents, in constant memory.
//
//	s := split.New(ctx, r, most)
//	defer s.Wipe()
//	doc, at, err := s.Next() // until io.EOF
//
// # Guarantees
//
// A stream is one JSON array, or lines of a document each (NDJSON); which it is, its first
// byte says that is no space. Each document comes whole, and what is longer than most is
// skipped, without being held. What is inside a document is not looked at but to find its end.
//
// # Limits
//
// A document is not known to be JSON: brackets are counted and not matched. In NDJSON one ends
// with its line. What was read ahead, 64 KiB, and memory that a
// document outgrew go with the garbage.
//
// # Errors
//
// [ErrTooLarge]: one document was skipped, and Next goes on. [ErrSyntax]: it is no array, or
// was cut; that, the reader's own error, and ctx's before the next Read are final.
//
// # Concurrency
//
// A Stream is one goroutine's.
package split

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
)

// What Next says.
var (
	ErrTooLarge = errors.New("split: a document is too large")
	ErrSyntax   = errors.New("split: not an array of documents")
)

// Stream is what is left of one.
type Stream struct {
	r     *bufio.Reader
	most  int
	at    int64 // of the next byte
	held  []byte
	begun bool
	array bool
	done  error
}

// New reads documents of at most so many bytes, without the white space around them, until ctx
// ends: also where none of them ever does.
func New(ctx context.Context, r io.Reader, most int) *Stream {
	return &Stream{r: bufio.NewReaderSize(until{ctx, r}, 64<<10), most: most}
}

// Wipe overwrites the newest document. The Stream must not be used any more.
func (s *Stream) Wipe() { clear(s.held[:cap(s.held)]) }

// until is a reader that fails when ctx has ended.
type until struct {
	ctx context.Context
	r   io.Reader
}

func (u until) Read(p []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.r.Read(p)
}

// Next is the next document, and at which byte of the stream it begins. It is good until the
// next call.
func (s *Stream) Next() (doc []byte, at int64, err error) {
	if s.done != nil {
		return nil, s.at, s.done
	}
	if !s.begun {
		s.begin()
	}
	if s.done == nil && s.array {
		doc, at, err = s.element()
	} else if s.done == nil {
		doc, at, err = s.line()
	} else {
		return nil, s.at, s.done
	}
	if err != nil && err != ErrTooLarge {
		s.done = err
	}
	return doc, at, err
}

// begin finds out what it is.
func (s *Stream) begin() {
	s.begun = true
	c, err := s.solid()
	switch {
	case err != nil:
		s.done = err
	case c == '[':
		s.array = true
		s.after('[')
	}
}

// solid peeks at the next byte that is no space.
func (s *Stream) solid() (byte, error) {
	for {
		b, err := s.r.Peek(1)
		if err != nil {
			return 0, err
		}
		if !space(b[0]) {
			return b[0], nil
		}
		s.skip(1)
	}
}

const blank = " \t\r\n"

func space(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

func (s *Stream) skip(n int) {
	n, _ = s.r.Discard(n)
	s.at += int64(n)
}

// after steps over the byte that is there, and, behind a bracket that opens, finds an empty
// array.
func (s *Stream) after(c byte) {
	s.skip(1)
	if c != '[' {
		return
	}
	if next, err := s.solid(); err == nil && next == ']' {
		s.skip(1)
		s.done = s.end()
	}
}

// end holds that nothing comes behind the array.
func (s *Stream) end() error {
	switch _, err := s.solid(); err {
	case nil:
		return ErrSyntax
	default:
		return err // io.EOF, or the reader's
	}
}

// line is the next line that holds something.
func (s *Stream) line() ([]byte, int64, error) {
	if _, err := s.solid(); err != nil {
		return nil, s.at, err
	}
	at, over := s.at, false
	s.held = s.held[:0]
	for {
		part, err := s.r.ReadSlice('\n')
		s.at += int64(len(part))
		over = s.hold(part, over)
		switch {
		case err == bufio.ErrBufferFull:
			continue
		case err != nil && err != io.EOF:
			return nil, at, err
		case over:
			return nil, at, ErrTooLarge
		}
		return bytes.TrimRight(s.held, blank), at, nil
	}
}

// hold keeps what is read, unless it is too much in all: white space behind a document is no part
// of it.
func (s *Stream) hold(part []byte, over bool) bool {
	room := min(s.most-len(s.held), len(part))
	if over || len(bytes.TrimLeft(part[room:], blank)) > 0 {
		s.held = s.held[:0]
		return true
	}
	s.held = append(s.held, part[:room]...)
	return false
}

// element is the next one of the array, up to the comma or the bracket behind it.
func (s *Stream) element() ([]byte, int64, error) {
	if _, err := s.solid(); err != nil {
		return nil, s.at, cut(err)
	}
	at, over := s.at, false
	s.held = s.held[:0]
	var e ends
	for {
		if _, err := s.r.Peek(1); err != nil {
			return nil, at, cut(err)
		}
		buffered, _ := s.r.Peek(s.r.Buffered())
		n, found := e.find(buffered)
		over = s.hold(buffered[:n], over)
		s.skip(n)
		if !found {
			continue
		}
		last := buffered[n] == ']'
		doc := bytes.TrimRight(s.held, blank)
		if e.broken || len(doc) == 0 && !over {
			return nil, at, ErrSyntax
		}
		s.skip(1)
		if last {
			s.done = s.end()
		}
		if over {
			return nil, at, ErrTooLarge
		}
		return doc, at, nil
	}
}

// cut is the error of a stream that ends within an array.
func cut(err error) error {
	if err == io.EOF {
		return ErrSyntax
	}
	return err
}

// ends looks for the end of an element.
type ends struct {
	depth           int
	quoted, escaped bool
	broken          bool // a bracket closes that nobody has opened
}

// find is the place of the comma or bracket behind the element, or how much is searched.
func (e *ends) find(b []byte) (int, bool) {
	for i, c := range b {
		switch {
		case e.escaped:
			e.escaped = false
		case e.quoted:
			e.escaped = c == '\\'
			e.quoted = c != '"'
		case c == '"':
			e.quoted = true
		case c == '{', c == '[':
			e.depth++
		case e.depth == 0 && (c == ',' || c == ']'):
			return i, true
		case e.depth == 0 && c == '}':
			e.broken = true
			return i, true
		case c == '}', c == ']':
			e.depth--
		}
	}
	return len(b), false
}
