package isolate

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"os"
	"runtime"
	"runtime/debug"

	"github.com/carnet-go/carnet/mapping"
	"github.com/carnet-go/carnet/mapping/internal/apart"
	"github.com/carnet-go/carnet/mapping/internal/scan"
	"github.com/carnet-go/carnet/mapping/internal/split"
	"github.com/carnet-go/carnet/mapping/isolate/internal/wall"
)

// Main is what main calls first, and TestMain. It returns at once, but in a process that Map has
// started: there it serves that, and never returns. It takes the functions that mappings use.
func Main(funcs ...mapping.Func) {
	if len(os.Args) != 1 || os.Args[0] != name {
		hasMain.Store(true)
		return
	}
	out, err := wall.Output()
	if err != nil {
		os.Exit(1)
	}
	c := child{in: bufio.NewReaderSize(os.Stdin, chunk), out: bufio.NewWriterSize(out, chunk), funcs: funcs}
	if c.serve(out) != nil {
		os.Exit(1)
	}
	os.Exit(0)
}

// child is this side of a batch.
type child struct {
	in     *bufio.Reader
	out    *bufio.Writer
	funcs  []mapping.Func
	memory []byte // of the newest frame
	rest   []byte // of the stream, in that
	ended  bool
}

const maxThreads = 100

var errCut = errors.New("isolate: the stream broke off")

func (c *child) serve(out *os.File) error {
	k, payload, err := readFrame(c.in, &c.memory, maxOrder)
	if err != nil {
		return err
	}
	var o order
	if err := json.Unmarshal(payload, &o); err != nil || k != isOrder {
		return errFrame
	}
	clear(payload)
	up := wall.Raise(o.Life, o.Memory, out)
	var has runtime.MemStats
	runtime.ReadMemStats(&has)
	debug.SetMemoryLimit(int64(has.Sys) + o.Memory/4*3)
	debug.SetMaxThreads(maxThreads)
	m := c.mapper(&o)
	if err := writeJSON(c.out, isReady, ready{up, m.Hash()}); err != nil {
		return err
	}
	if err := c.out.Flush(); err != nil || m.Hash() == "" {
		return err
	}
	if err := c.batch(m, keyring(o.Keys)); err != nil {
		return err
	}
	return c.out.Flush()
}

// mapper is what the order says; nil: nothing, or nothing here.
func (c *child) mapper(o *order) *mapping.Mapper {
	src, err := mapping.ParseSchema(o.Source)
	if err != nil {
		return nil
	}
	dst, err := mapping.ParseSchema(o.Destination)
	if err != nil {
		return nil
	}
	m, err := mapping.Compile(src, dst, o.Mapping, mapping.Destination{
		System: o.System, Kind: o.Kind, Jurisdictions: o.Jurisdictions,
		Clearance: mapping.Clearance{Class: mapping.Class(o.Class), Categories: o.Categories, Purposes: o.Purposes},
	}, c.funcs...)
	if err != nil {
		return nil
	}
	return m
}

// batch maps one document after the other, and says of each what became of it.
func (c *child) batch(m *mapping.Mapper, keys keyring) error {
	parts, stream := m.Apart(apart.Permitted()), split.New(context.Background(), c, scan.MaxSize)
	var made []byte
	for {
		raw, at, err := stream.Next()
		if err == nil {
			var tokens int
			made, tokens, err = parts.Flat(context.Background(), m.Source().Document(raw), keys, append(made[:0], 0, 0, 0, 0))
			binary.BigEndian.PutUint32(made, uint32(tokens))
		}
		wrong, refused := errors.AsType[*mapping.DataError](err)
		switch {
		case err == nil:
			err = writeFrame(c.out, isRecord, made)
		case err == io.EOF:
			return writeFrame(c.out, isEnd, nil)
		case err == split.ErrTooLarge:
			err = writeJSON(c.out, isReject, rejection{Code: scan.TooLarge, Offset: at})
		case err == split.ErrSyntax:
			if err := writeJSON(c.out, isReject, rejection{Code: scan.NotJSON, Offset: at, Last: true}); err != nil {
				return err
			}
			return writeFrame(c.out, isEnd, nil)
		case err == mapping.ErrExpired:
			return writeFrame(c.out, isExpired, nil)
		case err == mapping.ErrNoKey:
			return writeFrame(c.out, isNoKey, nil)
		case refused:
			err = writeJSON(c.out, isReject, rejection{Code: wrong.Code, Path: wrong.Path, Offset: at})
		default:
			return writeJSON(c.out, isStopped, rejection{Offset: at})
		}
		if err != nil {
			return err
		}
	}
}

// Read reads the stream. Before it waits for more, it says what it has to say.
func (c *child) Read(into []byte) (int, error) {
	for len(c.rest) == 0 && !c.ended {
		if c.in.Buffered() == 0 {
			if err := c.out.Flush(); err != nil {
				return 0, err
			}
		}
		k, payload, err := readFrame(c.in, &c.memory, chunk)
		switch {
		case err != nil || k != isData && k != isEnd:
			return 0, errCut
		case k == isEnd:
			c.ended = true
		}
		c.rest = payload
	}
	if len(c.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(into, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

// keyring are the keys that came with the order.
type keyring []lent

// UseKey lends one.
func (k keyring) UseKey(_ context.Context, name string, use func(version string, key []byte) error) error {
	for _, one := range k {
		if one.Name == name {
			return use(one.Version, one.Key)
		}
	}
	return mapping.ErrNoKey
}
