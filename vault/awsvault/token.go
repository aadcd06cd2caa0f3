package awsvault

import (
	"bytes"
	"context"
	"io"
	"os"

	"github.com/carnet-go/carnet/auth"
)

const longestToken = 20_000 // of STS

// TokenFile is Tokens of a file that somebody else keeps fresh, such as the projected token
// of a Kubernetes service account. An empty one has none.
type TokenFile string

// Token reads the file.
func (f TokenFile) Token(ctx context.Context) (auth.Secret, error) {
	if ctx.Err() != nil {
		return auth.Secret{}, left(ctx)
	}
	if info, err := os.Stat(string(f)); err != nil || !info.Mode().IsRegular() { // a pipe would be waited for
		return auth.Secret{}, auth.ErrUnavailable
	}
	file, err := os.Open(string(f))
	if err != nil {
		return auth.Secret{}, auth.ErrUnavailable
	}
	defer file.Close()
	b, err := io.ReadAll(io.LimitReader(file, longestToken+1))
	if err != nil {
		return auth.Secret{}, auth.ErrUnavailable
	}
	if b = bytes.TrimSpace(b); len(b) == 0 || len(b) > longestToken {
		return auth.Secret{}, auth.ErrInvalid
	}
	return auth.NewSecret(b), nil
}
