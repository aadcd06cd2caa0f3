package atomicfile

// syncDir does nothing: Windows has no call that syncs a folder.
func (osDisk) syncDir(string) error { return nil }
