package world

import (
	"crypto/rand"
	"slices"
	"sync"
)

// ledger is all secrets of a run, so that a search for leaks misses none.
type ledger struct {
	mu   sync.Mutex
	list [][]byte
}

func (l *ledger) keep(secrets ...[]byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range secrets {
		l.list = append(l.list, slices.Clone(s))
	}
}

// random is a new secret of 130 bits.
func (l *ledger) random() string {
	s := rand.Text()
	l.keep([]byte(s))
	return s
}

func (l *ledger) all() [][]byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := make([][]byte, len(l.list))
	for i, s := range l.list {
		list[i] = slices.Clone(s)
	}
	return list
}
