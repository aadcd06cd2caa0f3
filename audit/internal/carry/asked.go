package carry

import "sync"

// Asked is which lines somebody asked for by their action, and then read: he will want
// them again after the next Open. The zero Asked has none. Safe for concurrent use.
type Asked struct {
	mu    sync.Mutex
	lines map[int64]bool // that were asked for; true: and read
}

// Ask notes that a line was asked for.
func (a *Asked) Ask(index int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.lines == nil {
		a.lines = map[int64]bool{}
	}
	if _, ok := a.lines[index]; !ok {
		a.lines[index] = false
	}
}

// Read notes that somebody reads from a line on.
func (a *Asked) Read(index int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, ok := a.lines[index]; ok {
		a.lines[index] = true
	}
}

// Needs says whether a line before one is needed.
func (a *Asked) Needs(kept int64) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	for index, needed := range a.lines {
		if needed && index < kept {
			return true
		}
	}
	return false
}
