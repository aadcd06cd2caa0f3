package keyauth

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"

	"github.com/carnet-go/carnet/auth"
)

// Basic is RFC 7617.
type Basic struct {
	Source auth.Source // fields name and password
}

// Check says whether it is complete.
func (b Basic) Check() error {
	if b.Source == nil {
		return fmt.Errorf("%w: Basic.Source is nil", auth.ErrInvalid)
	}
	return nil
}

// Translate yields an auth.Applier.
func (b Basic) Translate(ctx context.Context, n auth.Need) (auth.Material, error) {
	if b.Check() != nil {
		return nil, auth.ErrInvalid
	}
	return lend(ctx, b.Source, n, "Authorization", basic)
}

// basic refuses a colon in the name: the password would begin there.
func basic(l *auth.Lease) (value string, err error) {
	var pair []byte
	defer func() { clear(pair) }()
	err = use(l, "name", func(b []byte) error {
		if bytes.IndexByte(b, ':') >= 0 {
			return auth.ErrInvalid
		}
		pair = append(append(make([]byte, 0, len(b)+256), b...), ':')
		return nil
	})
	if err != nil {
		return "", err
	}
	err = use(l, "password", func(b []byte) error {
		pair = append(pair, b...)
		value = "Basic " + base64.StdEncoding.EncodeToString(pair)
		return nil
	})
	return value, err
}
