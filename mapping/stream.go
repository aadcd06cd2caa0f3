package mapping

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/carnet-go/carnet/mapping/internal/scan"
	"github.com/carnet-go/carnet/mapping/internal/split"
)

// RejectError says which document of a stream is none, and why: by its number and place, and
// with nothing that stands in it. Err is a *DataError; or the reader's error or the context's,
// which its text does not quote, and which are the last.
type RejectError struct {
	Index  int64 // of the document, from 0
	Offset int64 // of its first byte in the stream
	Last   bool  // the stream ends here, before its end: what may have come behind it is not known
	Err    error
}

// Error is one line without content.
func (e *RejectError) Error() string {
	if wrong, ok := errors.AsType[*DataError](e.Err); ok {
		text := fmt.Sprintf("mapping: document %d at byte %d: %s", e.Index, e.Offset, wrong.Error()[len("mapping: "):])
		if e.Last {
			text += ", where the stream breaks off"
		}
		return text
	}
	return fmt.Sprintf("mapping: document %d at byte %d: the stream cannot be read", e.Index, e.Offset)
}

// Unwrap is why.
func (e *RejectError) Unwrap() error { return e.Err }

// Documents are those of a stream under the schema: of one JSON array, or of lines that are a
// document each (NDJSON). Each was checked, and comes whole or as a *RejectError, one at a time
// however long the stream is; at the end of ctx, of an array that is cut, that something
// follows or whose brackets do not match (M301), and of a reader that fails, that error is the
// last, and says so. A Read that hangs is not ended by ctx. A document is the caller's, as one
// of Document is.
func (s *Schema) Documents(ctx context.Context, r io.Reader) iter.Seq2[Document, error] {
	return func(yield func(Document, error) bool) {
		if s.Hash() == "" {
			yield(Document{}, &RejectError{Last: true, Err: ErrInvalid})
			return
		}
		stream := split.New(ctx, r, scan.MaxSize)
		defer stream.Wipe()
		for n := int64(0); ; n++ {
			raw, at, err := stream.Next()
			if err == io.EOF {
				return
			}
			if ended := ctx.Err(); ended != nil {
				err = ended
			}
			last := err != nil && err != split.ErrTooLarge
			d, why := s.next(raw, err)
			if why != nil {
				why = &RejectError{n, at, last, why}
			}
			if !yield(d, why) || last {
				return
			}
		}
	}
}

// next is a document of a stream, or why it is none.
func (s *Schema) next(raw []byte, err error) (Document, error) {
	switch err {
	case nil:
		return s.checked(raw)
	case split.ErrTooLarge:
		err = &DataError{scan.TooLarge, ""}
	case split.ErrSyntax:
		err = &DataError{scan.NotJSON, ""}
	}
	return Document{}, err
}

// checked is a document that was checked already: Map does not look at it twice.
func (s *Schema) checked(raw []byte) (Document, error) {
	held := &content{schema: s, source: scan.Source(raw), values: make([]scan.Value, s.slots)}
	if err := s.check(held.source, held.values); err != nil {
		return Document{}, err
	}
	return Document{func() *content { return held }}, nil
}
