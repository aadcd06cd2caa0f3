package witnessaudit

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	prover "github.com/carnet-go/carnet/audit/internal/tree"
	"github.com/carnet-go/carnet/internal/atomicfile"
)

const (
	fileCheckpoint = "checkpoint" // of the log
	fileCosigned   = "cosigned"   // beside it: the newest that was cosigned

	everySecond = time.Second
	longest     = time.Minute // pause before a witness that failed is asked again
)

var (
	errNoClients  = errors.New("witnessaudit: a Watcher needs witnesses, each once")
	errOneLog     = errors.New("witnessaudit: a Watcher needs the verifier keys of one log")
	errOptions    = errors.New("witnessaudit: WatcherOptions are not in range")
	errCheckpoint = errors.New("witnessaudit: the log's checkpoint cannot be read")
	errCosigned   = errors.New("witnessaudit: the log's cosigned checkpoint is damaged")
	errTiles      = errors.New("witnessaudit: the log's tiles do not match its checkpoint")
	errKeep       = errors.New("witnessaudit: the cosigned checkpoint could not be written")
	errNoWatcher  = errors.New("witnessaudit: the watcher was not made by NewWatcher")
)

// WatcherOptions of NewWatcher. Nil means the documented defaults.
type WatcherOptions struct {
	Every  time.Duration // between two looks at the log; zero: 1 second
	Quorum int           // so many witnesses have to cosign what stands in DIR/cosigned; zero: all
	Notify func(Round)   // is told of each round of Run in which a witness was asked, or that failed; nil: nobody
}

// Round is what came of asking.
type Round struct {
	Size      int64    // of the checkpoint that was shown; 0: none could be
	Cosigned  int64    // size of what stands in DIR/cosigned; 0: nothing yet
	Witnesses []Answer // in the order of the clients
	Err       error    // what is wrong with the log's own files; nil: nothing
}

// Answer is of one witness.
type Answer struct {
	Witness string
	Size    int64 // of the newest checkpoint that it is known to have cosigned; 0: none
	Asked   bool  // in this round
	Err     error // nil: it has cosigned, or was not asked; once ErrFork, always ErrFork
}

// Watcher has each new checkpoint of a log cosigned. It needs the log's folder, not the log,
// and one Watcher is enough for it. Not safe for concurrent use; a zero or nil Watcher
// watches nothing.
type Watcher struct {
	dir     string
	log     origins
	quorum  int
	every   time.Duration
	notify  func(Round)
	clients []*watched

	loaded   bool
	cosigned tree // DIR/cosigned; without text: none
}

// watched is what is known of one witness.
type watched struct {
	*Client
	size  int64  // of what it cosigned
	text  string // of that, where its cosignature is at hand
	line  string
	fork  bool // it has told of another history, and is not believed when it no longer does
	pause time.Duration
	next  time.Time // not before
}

// NewWatcher watches the log in a folder, of which it knows the verifier keys, one or, where
// the key changed, each; and it asks these witnesses.
func NewWatcher(dir string, log []string, clients []*Client, o *WatcherOptions) (*Watcher, error) {
	of, err := logKeys(log)
	if err != nil {
		return nil, err
	}
	if len(of) != 1 {
		return nil, errOneLog
	}
	if o == nil {
		o = &WatcherOptions{}
	}
	w := &Watcher{dir: filepath.Clean(dir), log: of, quorum: o.Quorum, every: o.Every, notify: o.Notify}
	seen := map[string]bool{}
	for _, c := range clients {
		if c.Name() == "" || seen[string(c.of.key)] || seen[c.of.id()] {
			return nil, errNoClients // who is asked under two names has not cosigned twice
		}
		seen[string(c.of.key)], seen[c.of.id()] = true, true
		w.clients = append(w.clients, &watched{Client: c})
	}
	if len(clients) == 0 {
		return nil, errNoClients
	}
	if o.Every < 0 || o.Quorum < 0 || o.Quorum > len(clients) {
		return nil, errOptions
	}
	if w.quorum == 0 {
		w.quorum = len(clients)
	}
	if w.every == 0 {
		w.every = everySecond
	}
	return w, nil
}

// Run asks round by round until ctx ends, and returns its error; or ErrBehind, which no
// later round can heal.
func (w *Watcher) Run(ctx context.Context) error {
	if w == nil || len(w.clients) == 0 {
		return errNoWatcher
	}
	tick := time.NewTicker(w.every)
	defer tick.Stop()
	for {
		r, err := w.round(ctx)
		asked := slices.ContainsFunc(r.Witnesses, func(a Answer) bool { return a.Asked })
		if w.notify != nil && (asked || err != nil) && ctx.Err() == nil {
			w.notify(r)
		}
		if errors.Is(err, ErrBehind) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// Round looks once, and asks each witness that has not cosigned the newest checkpoint, unless
// it failed a moment ago. The error is Round.Err.
func (w *Watcher) Round(ctx context.Context) (Round, error) {
	if w == nil || len(w.clients) == 0 {
		return Round{}, errNoWatcher
	}
	return w.round(ctx)
}

func (w *Watcher) round(ctx context.Context) (Round, error) {
	r := Round{Witnesses: make([]Answer, len(w.clients))}
	for i, c := range w.clients {
		r.Witnesses[i].Witness = c.Name()
	}
	msg, t, err := w.look()
	if err == nil {
		r.Size = t.size
		w.ask(ctx, msg, t, r.Witnesses)
		err = w.keep(msg, t)
	}
	for i, c := range w.clients {
		r.Witnesses[i].Size = c.size
		if c.fork {
			r.Witnesses[i].Err = ErrFork
		}
	}
	r.Cosigned, r.Err = w.cosigned.size, err
	return r, err
}

// look reads the newest checkpoint, and compares it with the one that was cosigned. A writer
// may supersede tiles between two reads.
func (w *Watcher) look() (msg []byte, t tree, err error) {
	if err = w.load(); err != nil {
		return nil, tree{}, err
	}
	for range 3 {
		if msg, t, err = w.lookOnce(); err != errTiles {
			break
		}
	}
	return msg, t, err
}

func (w *Watcher) lookOnce() ([]byte, tree, error) {
	msg, err := readNote(filepath.Join(w.dir, fileCheckpoint))
	if err != nil {
		return nil, tree{}, errCheckpoint
	}
	t, _, err := openCosigned(msg, w.log, nil)
	if err != nil {
		return nil, tree{}, err
	}
	if t.size < w.cosigned.size {
		return nil, tree{}, ErrBehind
	}
	return msg, t, w.goesOn(t)
}

// goesOn proves to itself, before anybody else, that a tree continues what was cosigned.
func (w *Watcher) goesOn(t tree) error {
	if w.cosigned.size == 0 || t.text == w.cosigned.text {
		return nil
	}
	proof, err := w.prove(t, w.cosigned.size)
	if err != nil {
		return err
	}
	if tlog.CheckTree(proof, t.size, t.root, w.cosigned.size, w.cosigned.root) != nil {
		return ErrBehind
	}
	return nil
}

// prove is the path from a smaller tree.
func (w *Watcher) prove(t tree, old int64) (tlog.TreeProof, error) {
	if old == 0 || old == t.size {
		return nil, nil
	}
	path, err := prover.ProveTree(os.DirFS(w.dir), t.size, t.root, old)
	if err != nil {
		return nil, errTiles
	}
	return path, nil
}

// load reads DIR/cosigned, once.
func (w *Watcher) load() error {
	if w.loaded {
		return nil
	}
	msg, err := readNote(filepath.Join(w.dir, fileCosigned))
	if errors.Is(err, fs.ErrNotExist) {
		w.loaded = true
		return nil
	}
	if err != nil {
		return errCosigned
	}
	var known []*verifier
	for _, c := range w.clients {
		known = append(known, c.of)
	}
	t, stamps, err := openCosigned(msg, w.log, known)
	if err != nil {
		return errCosigned
	}
	for _, c := range w.clients {
		if s, ok := stamps[c.of.id()]; ok {
			c.size, c.text, c.line = t.size, t.text, s.line
		}
	}
	w.cosigned, w.loaded = t, true
	return nil
}

func readNote(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxNote+1))
}

// ask asks those who have not cosigned yet, all at once.
func (w *Watcher) ask(ctx context.Context, msg []byte, t tree, answers []Answer) {
	var wg sync.WaitGroup
	for i, c := range w.clients {
		if c.text == t.text || time.Now().Before(c.next) {
			continue
		}
		wg.Go(func() {
			answers[i].Asked, answers[i].Err = true, w.askOne(ctx, c, msg, t)
			c.fork = c.fork || answers[i].Err == ErrFork
			c.rest(answers[i].Err)
		})
	}
	wg.Wait()
}

// rest lengthens the pause of a witness that fails.
func (c *watched) rest(err error) {
	if err == nil || err == ErrForgot || err == errTiles { // of the last two none is that it fails
		c.pause = 0
		return
	}
	c.pause = min(max(2*c.pause, time.Second), longest)
	c.next = time.Now().Add(c.pause)
}

// askOne asks, and once more where the witness stands elsewhere than was thought.
func (w *Watcher) askOne(ctx context.Context, c *watched, msg []byte, t tree) error {
	s, err := w.cosign(ctx, c, msg, t, min(c.size, t.size))
	var conflict *ConflictError
	if !errors.As(err, &conflict) {
		return c.took(t, s, err)
	}
	if conflict.Size > t.size {
		if _, newer, err := w.look(); err != nil || newer.size < conflict.Size {
			return ErrAhead
		}
		return conflict // the log has grown: the next round shows it
	}
	forgot := conflict.Size < c.size
	if s, err = w.cosign(ctx, c, msg, t, conflict.Size); err != nil {
		return c.took(t, s, err)
	}
	err = c.took(t, s, nil)
	if forgot {
		return ErrForgot
	}
	return err
}

// took remembers what a witness cosigned.
func (c *watched) took(t tree, s stamp, err error) error {
	if err == nil {
		c.size, c.text, c.line = t.size, t.text, s.line
	}
	return err
}

func (w *Watcher) cosign(ctx context.Context, c *watched, msg []byte, t tree, old int64) (stamp, error) {
	path, err := w.prove(t, old)
	if err != nil {
		return stamp{}, err
	}
	proof := make([][32]byte, len(path))
	for i, h := range path {
		proof[i] = h
	}
	return c.cosign(ctx, msg, old, proof)
}

// keep writes DIR/cosigned where enough have cosigned the checkpoint.
func (w *Watcher) keep(msg []byte, t tree) error {
	var lines []string
	for _, c := range w.clients {
		if c.text == t.text && !c.fork {
			lines = append(lines, c.line)
		}
	}
	if len(lines) < w.quorum {
		return nil
	}
	_, n, err := openTree(msg, note.VerifierList(w.log[t.origin]...))
	if err != nil {
		return err
	}
	text := signed(n) + strings.Join(lines, "")
	if now, err := readNote(filepath.Join(w.dir, fileCosigned)); err != nil || string(now) != text {
		if atomicfile.Write(filepath.Join(w.dir, fileCosigned), []byte(text), 0o644) != nil {
			return errKeep
		}
	}
	w.cosigned = t
	return nil
}
