package isolate

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"os/exec"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/carnet-go/carnet/mapping/isolate/internal/wall"
)

// name is what a child is called: its first argument.
const name = "carnet-isolate"

// hasMain says whether this program is one that can be its own child.
var hasMain atomic.Bool

// process is a child from its start to its end.
type process struct {
	caller context.Context
	ctx    context.Context // ends with its time
	cancel context.CancelFunc
	in     io.WriteCloser
	said   io.Closer
	out    *bufio.Reader
	memory []byte // of the newest frame
	alone  wall.Wall
	over   chan struct{} // closed when nobody reads it any more
	gone   sync.WaitGroup
}

// begin starts a child, and gives it its order.
func begin(ctx context.Context, o *order) (*process, error) {
	if !hasMain.Load() {
		return nil, ErrNoMain
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	p := &process{caller: ctx, over: make(chan struct{})}
	p.ctx, p.cancel = context.WithTimeout(ctx, o.Life)
	started := make(chan error)
	p.gone.Go(func() { p.run(started) })
	if err := <-started; err != nil {
		p.end()
		return nil, err
	}
	if err := writeJSON(p.in, isOrder, o); err != nil {
		p.end()
		return nil, p.why()
	}
	return p, nil
}

// run is the life of the child. It keeps its thread, with which the kernel would end it.
func (p *process) run(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	command, alone, err := wall.Start(p.command)
	p.alone = alone
	if err != nil {
		started <- err
		return
	}
	stop := context.AfterFunc(p.ctx, func() {
		_ = command.Process.Kill()
		_ = p.said.Close() // what it may have started does not hold up who reads
	})
	defer stop()
	started <- nil
	<-p.over
	_ = command.Process.Kill()
	_ = command.Wait()
}

func (p *process) command() (*exec.Cmd, error) {
	path, err := wall.Path()
	if err != nil {
		return nil, err
	}
	command := &exec.Cmd{Path: path, Args: []string{name}, Env: []string{}}
	if p.in, err = command.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := command.StdoutPipe()
	p.said, p.out = out, bufio.NewReaderSize(out, chunk)
	return command, err
}

// next is the next frame, which is good until the one behind it.
func (p *process) next() (kind, []byte, error) { return readFrame(p.out, &p.memory, maxRecord) }

// ready waits until its walls are up, and says which and for what mapping.
func (p *process) ready() (wall.Wall, string, error) {
	k, payload, err := p.next()
	if err != nil {
		return 0, "", p.why()
	}
	var said ready
	if k != isReady || json.Unmarshal(payload, &said) != nil {
		return 0, "", ErrFalse
	}
	return said.Walls&^wall.Network | p.alone, said.Hash, nil
}

// why is the reason why it is gone, as far as this side knows.
func (p *process) why() error {
	if err := p.caller.Err(); err != nil {
		return err
	}
	return ErrEnded
}

// end ends it, wherever it is.
func (p *process) end() {
	p.cancel()
	if p.in != nil {
		_ = p.in.Close()
	}
	close(p.over)
	p.gone.Wait()
	clear(p.memory[:cap(p.memory)])
}
