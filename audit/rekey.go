package audit

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"time"

	"github.com/carnet-go/carnet/audit/internal/head"
	"github.com/carnet-go/carnet/audit/internal/key"
	"github.com/carnet-go/carnet/audit/internal/rekey"
	"github.com/carnet-go/carnet/audit/internal/reopen"
	"github.com/carnet-go/carnet/internal/segment"
)

// ErrRekeyed is Open's answer to a key that was replaced.
var ErrRekeyed = reopen.ErrRekeyed

// Rekey lets a log that is not open go on under another key, and returns its verifier key. The log, its
// tree, proofs, cursors and the checkpoints that others keep go on. Of Options it takes Signer, the key
// so far, and Floor, so that no new key signs what is left of a log that was set back. A nil next is a
// new key beside the log, and then the old one stays beside it, as DIR.key.HASH with the hash in its
// verifier key: who has it can tell by their fingerprints what older lines are about. Pseudonyms stay. DIR.vkey becomes the new one's.
//
// A new segment begins with the event audit.rekeyed, in which the new key says that it takes
// over here, under a checkpoint of the old key and then one of the new: whoever trusts the old
// key finds the new one in the log, and nobody else brings one in. From then on Open takes the
// new key only; of the old one it says ErrRekeyed. A key that the log had before does not come
// back, and there are 128 at most.
//
// At each moment a crash leaves a log that opens under one of the two keys; where both are files
// beside it, Open finds out which. ErrIndeterminate where that is not known, also because ctx
// ended while the disk hung: then the work goes on without the caller.
func Rekey(ctx context.Context, dir string, next crypto.Signer, o *Options) (verifierKey string, err error) {
	return rekeyOn(ctx, dir, next, o, nil)
}

// rekeyOn is Rekey on a disk that a test brings; nil: the operating system's.
func rekeyOn(ctx context.Context, dir string, next crypto.Signer, o *Options, disk segment.Disk) (string, error) {
	if o == nil {
		o = &Options{}
	}
	l, err := open(ctx, dir, &Options{Signer: o.Signer, Floor: o.Floor}, disk) // repairs, and closes what nobody answered
	if err == nil {
		dir, err = l.l.dir, l.Close(ctx)
	}
	if err != nil {
		return "", err
	}
	vkey, err := rekey.Do(ctx, dir, o.Signer, o.Floor, next, func(k *key.Key) head.Encode { return encodeOwn(k, time.Now()) }, disk)
	if errors.Is(err, rekey.ErrUnknown) {
		err = fmt.Errorf("%w: %w", ErrIndeterminate, err)
	}
	return vkey, err
}

// encodeOwn makes the lines with which a segment begins.
func encodeOwn(k *key.Key, at time.Time) head.Encode {
	return func(action string, m head.Member) []byte {
		e := Event{Time: at, Action: action, Outcome: OutcomeSuccess}
		return encoded(k, &e, extra{segment: m.Segment, carried: m.Carried, rekey: m.Rekey, checkpoint: m.Checkpoint})
	}
}
