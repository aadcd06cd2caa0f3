package isolate

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"time"

	"github.com/carnet-go/carnet/mapping/isolate/internal/wall"
)

// kind is what a frame is. A frame is its kind, its length in four bytes, and so much.
type kind byte

const (
	isOrder   kind = 'o' // to the child: order
	isData    kind = 'd' // to it: some of the stream
	isEnd     kind = 'e' // to it: the stream has ended; from it: so has the batch
	isReady   kind = 'w' // from it: ready
	isRecord  kind = 'r' // from it: how many tokens, in four bytes, and an object of all fields
	isReject  kind = 'x' // from it: rejection
	isStopped kind = 's' // from it: rejection, as the stream broke off
	isExpired kind = 't' // from it: a release has ended
	isNoKey   kind = 'k' // from it: a key is none
)

const (
	maxRecord = 4<<20 + 4
	maxOrder  = 8 << 20
	chunk     = 64 << 10
)

// order is what the child shall do.
type order struct {
	Source, Destination, Mapping []byte // empty: raise the walls, and no more

	System, Kind         string
	Jurisdictions        []string
	Class                uint8
	Categories, Purposes []string

	Keys   []lent
	Life   time.Duration
	Memory int64
}

// lent is a token key.
type lent struct {
	Name, Version string
	Key           []byte
}

// ready is what the child has made of it.
type ready struct {
	Walls wall.Wall
	Hash  string // of the mapping; empty: it is none there
}

// rejection is what the child says of a document.
type rejection struct {
	Code, Path string
	Offset     int64
	Last       bool `json:",omitempty"` // the stream ends there
}

var errFrame = errors.New("isolate: no frame")

func writeFrame(w io.Writer, k kind, payload []byte) error {
	head := [5]byte{byte(k)}
	binary.BigEndian.PutUint32(head[1:], uint32(len(payload)))
	if _, err := w.Write(head[:]); err != nil {
		return err
	}
	_, err := w.Write(payload)
	return err
}

func writeJSON(w io.Writer, k kind, v any) error {
	payload, err := json.Marshal(v)
	if err != nil {
		return err
	}
	defer clear(payload) // of an order, with its keys
	return writeFrame(w, k, payload)
}

// readFrame reads one into memory, and no more than such a frame may have.
func readFrame(r io.Reader, memory *[]byte, most int64) (kind, []byte, error) {
	var head [5]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	k, n := kind(head[0]), int64(binary.BigEndian.Uint32(head[1:]))
	if n > most {
		return 0, nil, errFrame
	}
	if int64(cap(*memory)) < n {
		clear((*memory)[:cap(*memory)])
		*memory = make([]byte, n, n+n/2)
	}
	payload := (*memory)[:n]
	_, err := io.ReadFull(r, payload)
	return k, payload, err
}
