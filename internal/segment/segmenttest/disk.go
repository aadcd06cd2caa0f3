// Package segmenttest has a disk that fails when a test says so, and that knows what
// a power cut could leave.
//
//	d := &segmenttest.Disk{}
//	d.Fail("sync", 3, syscall.EIO)
//	f, err := segment.Open(path, d)
//
// # Guarantees
//
// Files are real: what did not fail is there. Each step is counted and remembered.
//
// # Limits
//
// A power cut is computed from what was written since the last sync, in blocks of
// [Block] bytes; it says nothing about the names of files.
//
// # Errors
//
// Steps fail with the error that the test gave.
//
// # Concurrency
//
// A Disk is safe for concurrent use.
package segmenttest

import (
	"sync"

	"github.com/carnet-go/carnet/internal/segment"
)

// Block is what a power cut keeps or loses as a whole.
const Block = 512

// Disk is the operating system's disk with failures.
type Disk struct {
	segment.OS
	// Hook, where it is set, is called before each step, outside of any lock: it may
	// block, and what it returns fails the step.
	Hook func(step string) error

	mu     sync.Mutex
	counts map[string]int
	faults map[string]fault
	young  map[string]error
	trace  []Step
}

type fault struct {
	from, bytes int
	err         error
}

// Step is something that was done to a file.
type Step struct {
	Name   string // write, sync, truncate, reserve
	Offset int64  // of a write; size of a truncate
	Data   []byte // of a write
}

// Fail makes a step ("open", "write", "sync", "truncate", "reserve", "lock", "ident",
// "rewrite", "unnamed", "link", "folder", "sync names", "remove") fail from its n-th time on; nil ends that.
func (d *Disk) Fail(step string, n int, err error) { d.fail(step, fault{n, 0, err}) }

// FailShort makes writes fail from the n-th on, after some bytes were written.
func (d *Disk) FailShort(n, bytes int, err error) { d.fail("write", fault{n, bytes, err}) }

func (d *Disk) fail(step string, f fault) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.faults == nil {
		d.faults = map[string]fault{}
	}
	d.faults[step] = f
}

// FailNew makes a step fail in files that this disk has made; nil ends that.
func (d *Disk) FailNew(step string, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.young == nil {
		d.young = map[string]error{}
	}
	d.young[step] = err
}

// Count is how often a step was tried.
func (d *Disk) Count(step string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.counts[step]
}

// Trace is what was done so far.
func (d *Disk) Trace() []Step {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]Step(nil), d.trace...)
}

// step counts, and says whether it fails and after how many bytes.
func (d *Disk) step(name string) (int, error) {
	if d.Hook != nil {
		if err := d.Hook(name); err != nil {
			return 0, err
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.counts == nil {
		d.counts = map[string]int{}
	}
	d.counts[name]++
	if f, ok := d.faults[name]; ok && f.err != nil && d.counts[name] >= f.from {
		return f.bytes, f.err
	}
	return 0, nil
}

func (d *Disk) note(s Step) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.trace = append(d.trace, s)
}

// Open is for segment.Disk.
func (d *Disk) Open(path string, create bool) (segment.Handle, error) {
	if _, err := d.step("open"); err != nil {
		return nil, err
	}
	h, err := d.OS.Open(path, create)
	if err != nil {
		return nil, err
	}
	return &handle{h, d, create}, nil
}

// Ident is for segment.Disk.
func (d *Disk) Ident(path string) (segment.Ident, error) {
	if _, err := d.step("ident"); err != nil {
		return segment.Ident{}, err
	}
	return d.OS.Ident(path)
}

// Rewrite is for segment.Disk.
func (d *Disk) Rewrite(path string, p []byte, offset int64) error {
	if _, err := d.step("rewrite"); err != nil {
		return err
	}
	return d.OS.Rewrite(path, p, offset)
}

// Unnamed is for segment.Disk.
func (d *Disk) Unnamed(dir string) (segment.Handle, error) {
	if _, err := d.step("unnamed"); err != nil {
		return nil, err
	}
	h, err := d.OS.Unnamed(dir)
	if err != nil {
		return nil, err
	}
	return &handle{h, d, true}, nil
}

// Link is for segment.Handle.
func (h *handle) Link(path string) error {
	if _, err := h.step("link"); err != nil {
		return err
	}
	return h.Handle.Link(path)
}

// Folder is for segment.Disk.
func (d *Disk) Folder(path string) (segment.Names, error) {
	if _, err := d.step("folder"); err != nil {
		return nil, err
	}
	n, err := d.OS.Folder(path)
	if err != nil {
		return nil, err
	}
	return &names{n, d}, nil
}

type names struct {
	segment.Names
	d *Disk
}

func (n *names) Sync() error {
	if _, err := n.d.step("sync names"); err != nil {
		return err
	}
	return n.Names.Sync()
}

func (n *names) Remove(name string) error {
	if _, err := n.d.step("remove"); err != nil {
		return err
	}
	return n.Names.Remove(name)
}

type handle struct {
	segment.Handle
	d   *Disk
	new bool // the disk has made it
}

// step counts, and says whether it fails and after how many bytes.
func (h *handle) step(name string) (int, error) {
	n, err := h.d.step(name)
	h.d.mu.Lock()
	defer h.d.mu.Unlock()
	if young := h.d.young[name]; err == nil && h.new && young != nil {
		return 0, young
	}
	return n, err
}

// Named is for segment.Handle.
func (h *handle) Named() (segment.Ident, error) {
	if _, err := h.step("ident"); err != nil {
		return segment.Ident{}, err
	}
	return h.Handle.Named()
}

func (h *handle) Write(p []byte) (int, error) {
	id, err := h.Handle.Ident()
	if err != nil {
		return 0, err
	}
	n, err := h.step("write")
	if err == nil {
		n = len(p)
	}
	n, werr := h.Handle.Write(p[:min(n, len(p))])
	h.d.note(Step{"write", id.Size, append([]byte(nil), p[:n]...)})
	if err == nil {
		err = werr
	}
	return n, err
}

func (h *handle) Sync() error {
	if _, err := h.step("sync"); err != nil {
		return err
	}
	if err := h.Handle.Sync(); err != nil {
		return err
	}
	h.d.note(Step{Name: "sync"})
	return nil
}

func (h *handle) Truncate(size int64) error {
	if _, err := h.step("truncate"); err != nil {
		return err
	}
	h.d.note(Step{Name: "truncate", Offset: size})
	return h.Handle.Truncate(size)
}

func (h *handle) Reserve(offset, length int64) error {
	if _, err := h.step("reserve"); err != nil {
		return err
	}
	return h.Handle.Reserve(offset, length)
}

func (h *handle) Lock() error {
	if _, err := h.step("lock"); err != nil {
		return err
	}
	return h.Handle.Lock()
}
