package awsvault

// Flat is what makes fields of a text.
var Flat = flat

// Rested ends the rest after a refused login.
func Rested(v *Vault) {
	s := v.inner().session
	s.mu.Lock()
	defer s.mu.Unlock()
	s.until = s.until.Add(-restsFor)
}
