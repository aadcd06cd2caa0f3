package awsvault

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/vault"
)

const (
	current        = "AWSCURRENT"
	longestPath    = 255
	longestVersion = 64
)

// pathPattern is that of package vault.
var pathPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]*(/[a-z0-9][a-z0-9._-]*)*$`)

func isPath(s string) bool { return len(s) <= longestPath && pathPattern.MatchString(s) }

// Issue implements vault.Backend. It yields no id: what is stored cannot be revoked.
func (v *Vault) Issue(ctx context.Context, path string) (vault.Issued, error) {
	in := v.inner()
	if in == nil || !isPath(path) {
		return vault.Issued{}, auth.ErrUndeclared
	}
	if ctx.Err() != nil {
		return vault.Issued{}, left(ctx)
	}
	name := in.prefix + path
	within, cancel := bounded(ctx)
	by := &signature{session: in.session}
	defer cancel()
	out, err := in.client.GetSecretValue(within, &secretsmanager.GetSecretValueInput{SecretId: &name, VersionStage: aws.String(current)}, by.sign)
	if err != nil {
		return vault.Issued{}, in.failed(ctx, by, err)
	}
	a := answer{out.Name, out.VersionId, out.VersionStages, out.SecretString, out.SecretBinary}
	return a.issued(name, in.field)
}

// Revoke implements vault.Backend. It does nothing.
func (v *Vault) Revoke(context.Context, string) error { return nil }

// answer is what Secrets Manager says of one secret, alone or among others.
type answer struct {
	name, version *string
	stages        []string
	text          *string
	binary        []byte
}

// issued checks the answer: it must be of the secret that was asked for, and of the version
// that is current. One that is being rotated in is AWSPENDING, and may not work yet.
func (a answer) issued(name, field string) (vault.Issued, error) {
	version := aws.ToString(a.version)
	if aws.ToString(a.name) != name || version == "" || len(version) > longestVersion {
		return vault.Issued{}, auth.ErrInvalid
	}
	if !slices.Contains(a.stages, current) {
		return vault.Issued{}, auth.ErrUnavailable
	}
	text := aws.ToString(a.text)
	if (text == "") == (len(a.binary) == 0) {
		return vault.Issued{}, auth.ErrInvalid
	}
	issued := vault.Issued{Version: version, Fields: flat(text)}
	switch {
	case len(a.binary) > 0:
		issued.Fields = map[string]auth.Secret{field: auth.NewSecret(a.binary)}
	case issued.Fields == nil:
		issued.Fields = map[string]auth.Secret{field: auth.NewSecret([]byte(text))}
	}
	return issued, nil
}

// flat is the members of a JSON object of strings and numbers; nil: it is none. What two
// readers could understand differently is none either: a name that stands there twice, or
// an escape that is no character, which the decoder replaces.
func flat(text string) map[string]auth.Secret {
	if !utf8.ValidString(text) {
		return nil
	}
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	if first, err := decoder.Token(); err != nil || first != json.Delim('{') {
		return nil
	}
	fields := map[string]auth.Secret{}
	for decoder.More() {
		name, ok := member(decoder)
		value, fits := member(decoder)
		if _, twice := fields[name]; !ok || !fits || twice {
			return nil
		}
		fields[name] = auth.NewSecret([]byte(value))
	}
	if _, err := decoder.Token(); err != nil || len(fields) == 0 {
		return nil
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil
	}
	return fields
}

// member is a name, a string or a number.
func member(decoder *json.Decoder) (string, bool) {
	token, err := decoder.Token()
	if err != nil {
		return "", false
	}
	switch t := token.(type) {
	case string:
		return t, !strings.ContainsRune(t, utf8.RuneError)
	case json.Number:
		return t.String(), true
	}
	return "", false
}
