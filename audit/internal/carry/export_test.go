package carry

// Held is how many actions are in memory.
func (s *State) Held() int { return len(s.newest) }
