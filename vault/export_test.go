package vault

// Limit lowers the number of leases at a time.
func (v *Vault) Limit(n int) { v.most = n }

// Lent is how many leases have not ended.
func (v *Vault) Lent() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.lent)
}
