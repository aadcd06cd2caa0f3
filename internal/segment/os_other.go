//go:build !linux

package segment

import "errors"

// Reserve is for Handle.
func (h *handle) Reserve(int64, int64) error { return errors.ErrUnsupported }
