package world

import (
	"crypto/rand"
	"slices"
	"sync"
)

// shortest is what a search for leaks does not find everywhere.
const shortest = 16

// ledger is all secrets of a run, so that a search for leaks misses none. The zero
// ledger is empty; nil keeps nothing.
type ledger struct {
	mu   sync.Mutex
	list [][]byte
	seen map[string]bool
}

// keep takes secrets in, each once. Shorter ones than a system here makes are not of
// this world.
func (l *ledger) keep(secrets ...[]byte) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.seen == nil {
		l.seen = map[string]bool{}
	}
	for _, s := range secrets {
		if len(s) < shortest || l.seen[string(s)] {
			continue
		}
		l.seen[string(s)] = true
		l.list = append(l.list, slices.Clone(s))
	}
}

// random is a new secret of 130 bits.
func (l *ledger) random() string {
	s := rand.Text()
	l.keep([]byte(s))
	return s
}

// randomKey is a new secret of 260 bits.
func (l *ledger) randomKey() string {
	s := rand.Text() + rand.Text()
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
