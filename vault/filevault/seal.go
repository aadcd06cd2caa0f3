package filevault

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"filippo.io/age"

	"github.com/carnet-go/carnet/auth"
)

var (
	errWrongKey = fmt.Errorf("%w: the identity or passphrase does not open the file", auth.ErrDenied)
	errDamaged  = fmt.Errorf("%w: the file is damaged, or no vault", auth.ErrInvalid)
)

// unseal decrypts into one buffer, which is as large as it can get: a buffer that grows
// leaves plain text behind.
func (k key) unseal(ctx context.Context, sealed []byte) ([]byte, error) {
	if ctx.Err() != nil {
		return nil, left(ctx)
	}
	return await(ctx, func() ([]byte, error) {
		plain := make([]byte, len(sealed))
		r, err := age.Decrypt(bytes.NewReader(sealed), k.identity)
		if err != nil {
			if wrong := (*age.NoIdentityMatchError)(nil); errors.As(err, &wrong) {
				return nil, errWrongKey
			}
			return nil, errDamaged
		}
		n, err := io.ReadFull(r, plain)
		if err == nil || !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
			clear(plain)
			return nil, errDamaged
		}
		return plain[:n], nil
	})
}

// seal encrypts plain, takes it over and wipes it, whatever happens: it may still be at
// it when the caller has left.
func (k key) seal(ctx context.Context, plain []byte) ([]byte, error) {
	if ctx.Err() != nil {
		clear(plain)
		return nil, left(ctx)
	}
	return await(ctx, func() ([]byte, error) {
		defer clear(plain)
		var sealed bytes.Buffer
		w, err := age.Encrypt(&sealed, k.recipient)
		if err != nil {
			return nil, errMade
		}
		_, err = w.Write(plain)
		if errors.Join(err, w.Close()) != nil {
			return nil, errMade
		}
		return sealed.Bytes(), nil
	})
}

// await ends with its caller, although scrypt does not; what comes too late is wiped.
func await(ctx context.Context, do func() ([]byte, error)) ([]byte, error) {
	type answer struct {
		b   []byte
		err error
	}
	answers := make(chan answer)
	go func() {
		b, err := do()
		select {
		case answers <- answer{b, err}:
		case <-ctx.Done():
			clear(b)
		}
	}()
	select {
	case a := <-answers:
		return a.b, a.err
	case <-ctx.Done():
		return nil, left(ctx)
	}
}
