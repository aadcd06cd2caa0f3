package reach

import (
	"sync"
	"time"

	"github.com/carnet-go/carnet/audit/internal/key"
)

// Signed is the newest checkpoint that is on the disk. The zero Signed has none yet.
type Signed struct {
	mu      sync.Mutex
	now     key.Checkpoint
	at      time.Time     // when it was written, or found
	changed chan struct{} // closed at the next one
	ended   bool          // there will be none
}

// Set wakes those who wait for a checkpoint.
func (s *Signed) Set(c key.Checkpoint) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now, s.at = c, time.Now()
	s.wake()
}

// End wakes them for the last time.
func (s *Signed) End() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	s.wake()
}

func (s *Signed) wake() {
	if s.changed != nil {
		close(s.changed)
		s.changed = nil
	}
}

// Get is the newest checkpoint, and a channel that the next one closes; nil: none will
// come.
func (s *Signed) Get() (key.Checkpoint, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.changed == nil && !s.ended {
		s.changed = make(chan struct{})
	}
	return s.now, s.changed
}

// Made is when the newest checkpoint was written, or found.
func (s *Signed) Made() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.at
}

// Covers says whether there is a checkpoint over so many lines.
func (s *Signed) Covers(size int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now.Size >= size
}
