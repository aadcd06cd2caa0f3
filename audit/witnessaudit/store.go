package witnessaudit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/carnet-go/carnet/internal/atomicfile"
	"github.com/carnet-go/carnet/internal/segment"
)

const (
	fileWitness = "witness" // whose folder it is
	fileLock    = "LOCK"

	suffixFork = ".fork"
)

var (
	errState        = errors.New("witnessaudit: the witness's folder cannot be read or written")
	errStateThere   = fmt.Errorf("witnessaudit: there is a witness's folder already: %w", fs.ErrExist)
	errStateMissing = fmt.Errorf("witnessaudit: there is no witness's folder: %w", fs.ErrNotExist)
	errStateInUse   = errors.New("witnessaudit: the witness's folder is in use")
	errStateOther   = errors.New("witnessaudit: the folder is another witness's")
	errDamaged      = errors.New("witnessaudit: a checkpoint in the witness's folder is not one that it cosigned for that log")
	errChanged      = errors.New("witnessaudit: somebody else changed the witness's folder")
)

// Create makes the folder of a witness, once: an existing one is fs.ErrExist, because a
// witness whose memory vanished must not begin again by itself. An empty folder is taken.
func Create(dir string, key *Key) error {
	if key.Verifier() == "" {
		return errSigner
	}
	dir = filepath.Clean(dir)
	if err := os.Mkdir(dir, 0o700); errors.Is(err, fs.ErrExist) {
		if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
			return errStateThere
		}
	} else if err != nil {
		return errState
	}
	if atomicfile.Write(filepath.Join(dir, fileWitness), []byte(key.Verifier()+"\n"), 0o644) != nil ||
		atomicfile.SyncDir(filepath.Dir(dir)) != nil {
		return errState
	}
	return nil
}

// store is the folder of a witness: a file for each log, with the newest checkpoint that it
// cosigned. Each has the signatures of the log and of the witness, and so vouches for itself.
type store struct {
	dir  string
	lock *segment.Lock
}

func openStore(dir string, key *Key) (*store, error) {
	dir = filepath.Clean(dir)
	named, err := os.ReadFile(filepath.Join(dir, fileWitness))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, errStateMissing
	case err != nil:
		return nil, errState
	case string(named) != key.Verifier()+"\n":
		return nil, errStateOther
	}
	lock, err := segment.NewLock(filepath.Join(dir, fileLock))
	if errors.Is(err, segment.ErrLocked) {
		return nil, errStateInUse
	}
	if err != nil {
		return nil, errState
	}
	return &store{dir, lock}, nil
}

func (s *store) close() error { return s.lock.Close() }

// hashOf is how a log is named in paths: C2SP tlog-witness.
func hashOf(origin string) string {
	sum := sha256.Sum256([]byte(origin))
	return hex.EncodeToString(sum[:])
}

// read is what was cosigned for a log; nil: nothing yet.
func (s *store) read(origin string) ([]byte, error) {
	b, err := os.ReadFile(filepath.Join(s.dir, hashOf(origin)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, errState
	}
	return b, nil
}

// write returns when it is on the disk.
func (s *store) write(origin string, msg []byte) error {
	if atomicfile.Write(filepath.Join(s.dir, hashOf(origin)), msg, 0o644) != nil {
		return errState
	}
	return nil
}

// keepFork keeps what proves, beside the checkpoint of the same size that was cosigned, that a
// log has two histories. The first is enough.
func (s *store) keepFork(origin string, msg []byte) error {
	path := filepath.Join(s.dir, hashOf(origin)+suffixFork)
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return atomicfile.Write(path, bytes.Clone(msg), 0o644)
}
