//go:build !(linux && (amd64 || arm64))

package segment

import (
	"errors"
	"os"
)

func openUnnamed(string) (*os.File, error) { return nil, errors.ErrUnsupported }

func link(uintptr, []byte) error { return errors.ErrUnsupported }
