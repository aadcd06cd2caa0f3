package reopen

import (
	"encoding/json"
	"path/filepath"
	"slices"

	"github.com/carnet-go/carnet/audit/internal/carry"
	"github.com/carnet-go/carnet/audit/internal/cursor"
	"github.com/carnet-go/carnet/audit/internal/key"
	"github.com/carnet-go/carnet/audit/internal/replay"
	"github.com/carnet-go/carnet/audit/internal/site"
)

// identity is what the beginning of a segment says about its log: the key that DIR/checkpoint
// is under, if it covers that beginning.
type identity struct {
	origin, key string
	former      []string // keys before that one
}

// open opens a checkpoint of the log under any key that it was or is under, or that was given:
// settle knows whether that is one.
func (id *identity) open(msg []byte, keys []*key.Key) (c key.Checkpoint, by string, err error) {
	list := append(slices.Clone(id.former), id.key)
	for _, k := range keys {
		list = append(list, k.Verifier())
	}
	for _, vkey := range list {
		p, perr := key.ParsePublic(vkey)
		if perr != nil {
			continue
		}
		if c, err = p.Open(msg); err == nil {
			return c, vkey, nil
		}
	}
	return key.Checkpoint{}, "", replay.ErrFloor
}

// candidates are the keys that were given, of which the log is under one: the signer, or those
// beside the log, where a rekey that a crash has ended left two. Where the checkpoint covers
// the newest segment nothing behind it says otherwise, so there it is known by now.
func (r *Found) candidates(id *identity, from int) ([]*key.Key, error) {
	keys, err := r.given(id.origin)
	if err != nil {
		return nil, err
	}
	fits := func(k *key.Key) bool { return k.Verifier() == id.key }
	if from == len(r.Parts)-1 && !slices.ContainsFunc(keys, fits) {
		return nil, id.not(keys)
	}
	return keys, nil
}

// not says why no key fits.
func (id *identity) not(keys []*key.Key) error {
	for _, k := range keys {
		if slices.Contains(id.former, k.Verifier()) {
			return ErrRekeyed
		}
	}
	return errGenesis
}

func (r *Found) given(origin string) ([]*key.Key, error) {
	if r.signer != nil {
		k, err := key.New(origin, r.signer)
		return []*key.Key{k}, err
	}
	var keys []*key.Key
	var missing error // of DIR.key, which should be there
	for _, suffix := range [...]string{site.SuffixKey, site.SuffixNext} {
		signer, named, err := key.Read(r.dir + suffix)
		if err == nil && named != origin {
			err = errGenesis
		}
		if err != nil {
			if suffix == site.SuffixKey {
				missing = err
			}
			continue
		}
		k, err := key.New(origin, signer)
		if err != nil {
			return nil, err
		}
		keys = append(keys, k)
	}
	if len(keys) > 0 {
		return keys, nil
	}
	return nil, missing
}

// settle takes the key that the log is under by its lines, and no other.
func (r *Found) settle(id *identity, keys []*key.Key) error {
	r.State = r.Replay.State
	now := *id
	if r.Replay.Rekey != nil {
		now.former, now.key = append(slices.Clone(id.former), id.key), r.Replay.Rekey.To
		r.State.Rekey(now.key)
	}
	i := slices.IndexFunc(keys, func(k *key.Key) bool { return k.Verifier() == now.key })
	if i < 0 {
		return now.not(keys)
	}
	if r.Key = keys[i]; r.floor != nil && r.floorBy != now.key && !slices.Contains(now.former, r.floorBy) {
		return replay.ErrFloor
	}
	return nil
}

// handOver does what a rekey that a crash has ended left to do beside the log, or, where it was
// none, gives up what it had made ready. A key that is not used yet stays.
func (r *Found) handOver() error {
	sinks := filepath.Join(r.dir, cursor.Folder)
	if r.Replay.Rekey == nil {
		return cursor.Discard(sinks)
	}
	seal := func(b []byte) string { return r.Key.Seal("cursor", string(b)) }
	if err := cursor.Adopt(sinks, r.Key.Name(), seal); err != nil {
		return err
	}
	return site.HandOver(r.dir, r.Replay.Rekey.From, r.Replay.Rekey.To)
}

// isWhole says whether a segment begins as one does.
func (r *Found) isWhole(i int) bool {
	_, err := r.identity(i)
	return err == nil
}

// identity reads what the beginning of a segment says about its log.
func (r *Found) identity(i int) (*identity, error) {
	first, second, err := r.head(i)
	if err != nil {
		return nil, errGenesis
	}
	if r.Parts[i].First > 0 {
		t, err := carry.Parse(second)
		if err != nil || t.Origin == "" {
			return nil, errGenesis
		}
		return &identity{t.Origin, t.Key, t.Former}, nil
	}
	var w struct {
		Carnet struct{ Genesis struct{ Origin, Key string } }
	}
	if json.Unmarshal(first, &w) != nil || carry.Action(first) != replay.ActionGenesis || w.Carnet.Genesis.Origin == "" {
		return nil, errGenesis
	}
	return &identity{origin: w.Carnet.Genesis.Origin, key: w.Carnet.Genesis.Key}, nil
}
