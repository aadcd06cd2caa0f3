package replay

import (
	"encoding/json"

	"github.com/carnet-go/carnet/audit/internal/key"
)

// rekeying is a line that says that the log goes on under another key, behind what
// DIR/checkpoint covers: what is signed need not be judged again.
type rekeying struct {
	there   bool
	said    *key.Rekey // proven by who has the new key; nil: not
	index   int64
	covered bool // the line behind it is a checkpoint of the old key over it
}

// good says whether both keys agree.
func (r *rekeying) good() bool { return r.said != nil && r.covered }

// wire is of a line what a rekeying needs.
type wire struct {
	Carnet struct {
		Rekey      *key.Rekey
		Checkpoint string
	}
}

// ReadRekey is what a line says of the log's key, and the checkpoint that a line has; nil and
// nothing: it says no such thing.
func ReadRekey(line []byte) (*key.Rekey, string) {
	var w wire
	if json.Unmarshal(line, &w) != nil {
		return nil, ""
	}
	return w.Carnet.Rekey, w.Carnet.Checkpoint
}

// rekey judges such a line: it stands where a segment begins, behind all that the old key has
// signed. The batch may be torn, so nothing is said before its commit. A key that the log had
// before does not come back: whoever stole it would be believed again.
func (r *Replay) rekey(l *line, b *pending) {
	said, _ := ReadRekey(l.text)
	if b.rekey.there || said == nil || r.Rekey != nil || r.Good > 0 || r.Tree.Size != r.Now.Size {
		b.rekey = rekeying{there: true}
		return
	}
	b.rekey = rekeying{there: true, index: r.next.Size}
	if said.From == r.Under.Verifier() && !r.State.Was(said.To) && said.Check(r.Under.Name(), r.Tree.Size, r.Tree.Root()) == nil {
		b.rekey.said = said
	}
}

// checkpoint judges a checkpoint that the log itself has: it is of the key that the log is under, over
// all lines before.
func (r *Replay) checkpoint(l *line, b *pending) {
	by := r.Under
	if to := r.Rekey; to != nil {
		by, _ = key.ParsePublic(to.To) // which Check has parsed
	} else if b.rekey.good() {
		by, _ = key.ParsePublic(b.rekey.said.To)
	}
	_, msg := ReadRekey(l.text)
	c, err := by.OpenOwn([]byte(msg))
	if err != nil || c.Size != r.next.Size || c.Root != r.next.Root() {
		b.bad = ErrDamage
		return
	}
	b.rekey.covered = b.rekey.covered || b.rekey.said != nil && r.next.Size == b.rekey.index+1
}

// Current is the key that the log is under; empty: not known.
func (r *Replay) Current() string {
	switch {
	case r.Rekey != nil:
		return r.Rekey.To
	case r.Under != nil:
		return r.Under.Verifier()
	}
	return ""
}

// behind says whether no checkpoint covers the next line.
func (r *Replay) behind() bool { return r.next.Size >= r.Now.Size }

// follow notes what a line says of keys, where nothing signed covers it.
func (r *Replay) follow(l *line, b *pending) {
	switch {
	case !r.behind() || r.Under == nil:
	case l.fact.Action == ActionRekeyed:
		r.rekey(l, b)
	case l.fact.Action == ActionCheckpoint:
		r.checkpoint(l, b)
	}
}

// dropped is what a retained line says; false: the log has not said it.
func (r *Replay) dropped(l *line) (first int64, ok bool) {
	var w struct {
		Carnet struct {
			Retained struct {
				First int64
				Seal  string
			}
		}
	}
	if json.Unmarshal(l.text, &w) != nil || w.Carnet.Retained.First > r.next.Size {
		return 0, false
	}
	said := w.Carnet.Retained
	return said.First, !r.behind() || r.sealed(said.First, said.Seal)
}

// turn makes what the batch says of keys count.
func (r *Replay) turn(b *pending) error {
	if b.rekey.there && !b.rekey.good() {
		return ErrDamage // a commit has no key: whoever can write could bring his own
	}
	if b.rekey.there {
		r.Rekey = b.rekey.said
	}
	return nil
}
