package awsvault

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/vault"
)

// mostAtOnce is how many secrets one BatchGetSecretValue takes.
const mostAtOnce = 20

// Answer is what IssueAll has for one path: Issued, or an error of Issue.
type Answer struct {
	Issued vault.Issued
	Err    error
}

// IssueAll is Issue for many paths, in one request for each 20; each has its answer, and
// where there is nothing it is ErrUndeclared. What fails as a whole is the answer of all
// that had none yet, and ends it.
func (v *Vault) IssueAll(ctx context.Context, paths []string) map[string]Answer {
	answers := make(map[string]Answer, len(paths))
	var ask []string
	in := v.inner()
	for _, path := range paths {
		if _, twice := answers[path]; !twice && in != nil && isPath(path) {
			ask = append(ask, path)
		}
		answers[path] = Answer{Err: auth.ErrUndeclared}
	}
	var failed error
	for chunk := range slices.Chunk(ask, mostAtOnce) {
		var got map[string]Answer
		if failed == nil {
			got, failed = in.batch(ctx, chunk)
		}
		for _, path := range chunk {
			if a, ok := got[in.prefix+path]; ok {
				answers[path] = a
			} else if failed != nil {
				answers[path] = Answer{Err: failed}
			}
		}
	}
	return answers
}

// batch is what Secrets Manager has to say of up to 20 paths, by name. With an error it is
// what came before that.
func (in *inner) batch(ctx context.Context, paths []string) (map[string]Answer, error) {
	got := make(map[string]Answer, len(paths))
	if ctx.Err() != nil {
		return got, left(ctx)
	}
	input := &secretsmanager.BatchGetSecretValueInput{}
	for _, path := range paths {
		input.SecretIdList = append(input.SecretIdList, in.prefix+path)
	}
	within, cancel := bounded(ctx)
	by := &signature{session: in.session}
	defer cancel()
	for range paths { // as many pages, at most
		out, err := in.client.BatchGetSecretValue(within, input, by.sign)
		if err != nil {
			return got, in.failed(ctx, by, err)
		}
		in.take(got, out)
		if input.NextToken = out.NextToken; aws.ToString(out.NextToken) == "" {
			return got, nil
		}
	}
	return got, auth.ErrInvalid
}

// take adds what a page says. What is said twice of one name is no answer.
func (in *inner) take(got map[string]Answer, out *secretsmanager.BatchGetSecretValueOutput) {
	add := func(name string, a Answer) {
		if _, twice := got[name]; twice {
			a = Answer{Err: auth.ErrInvalid}
		}
		got[name] = a
	}
	for _, entry := range out.SecretValues {
		a := answer{entry.Name, entry.VersionId, entry.VersionStages, entry.SecretString, entry.SecretBinary}
		issued, err := a.issued(aws.ToString(entry.Name), in.field)
		add(aws.ToString(entry.Name), Answer{issued, err})
	}
	for _, e := range out.Errors {
		side := byCode(aws.ToString(e.ErrorCode), aws.ToString(e.Message))
		if side == nil {
			side = auth.ErrUnavailable
		}
		add(aws.ToString(e.SecretId), Answer{Err: side})
	}
}
