package vaulttest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/vault"
)

// check is one rule and how to find out.
type check struct {
	name  string
	rule  string
	check func(context.Context, vault.Backend) error
}

var checks = []check{
	{"value", "the secret at a path has the fields that were stored there, byte by byte", values},
	{"described", "what is issued has an id to be revoked by, or a version, and no TTL below zero", described},
	{"unknown", "where there is nothing, the error is auth.ErrUndeclared", unknown},
	{"tricks", "a path has one spelling; any other is refused with an error of package auth", tricks},
	{"cancelled", "a context that has ended issues nothing", cancelled},
	{"errors", "the text of an error holds neither a path nor a secret", silent},
	{"concurrent", "Issue and Revoke may be called from many goroutines", concurrent},
	{"revoke", "revoking what is gone is no error, once or twice", revoked},
	{"independent", "each Issue yields secrets and an id of its own: the vault wipes what it gets", independent},
}

func values(ctx context.Context, b vault.Backend) error {
	issued, err := b.Issue(ctx, path)
	if err != nil {
		return err
	}
	if len(issued.Fields) != 1 {
		return fmt.Errorf("%d fields", len(issued.Fields))
	}
	if !issued.Fields[field].Equal([]byte(value)) {
		return errors.New("another value")
	}
	return nil
}

func described(ctx context.Context, b vault.Backend) error {
	issued, err := b.Issue(ctx, path)
	switch {
	case err != nil:
		return err
	case issued.ID == "" && issued.Version == "":
		return errors.New("neither id nor version")
	case issued.TTL < 0:
		return errors.New("a TTL below zero")
	}
	return nil
}

func unknown(ctx context.Context, b vault.Backend) error {
	for _, p := range []string{"test/other", "test", "other", "test/secret/value", "test/secret/more", "test/secre", "test/secrets"} {
		if issued, err := b.Issue(ctx, p); !errors.Is(err, auth.ErrUndeclared) || issued.Fields != nil {
			return fmt.Errorf("at %q: %d fields, %v", p, len(issued.Fields), err)
		}
	}
	return nil
}

func tricks(ctx context.Context, b vault.Backend) error {
	for _, p := range []string{
		"", "/", ".", "..", "/test/secret", "test//secret", "test/secret/", "./test/secret", "test/./secret", "test/../test/secret",
		"../test/secret", "test/secret/..", "test/secret/.", "test/secret/../secret", "test%2fsecret", "test/%73ecret", "%2e%2e/test/secret",
		`test\secret`, "test/secret?x=1", "test/secret#x", "test/secret;x", "test/secret\n", "test/secret\x00", "test/secret ", " test/secret",
		"Test/Secret", "TEST/SECRET", "test/sécret", "test／secret", "test/*", "~/test/secret", strings.Repeat("a/", 5000) + "a",
	} {
		issued, err := b.Issue(ctx, p)
		if err == nil || issued.Fields != nil {
			return fmt.Errorf("%.40q is taken for a path", p)
		}
		if !known(err) {
			return fmt.Errorf("at %.40q the error is not one of package auth: %T", p, err)
		}
	}
	return nil
}

func cancelled(ctx context.Context, b vault.Backend) error {
	ctx, cancel := context.WithCancel(ctx)
	cancel()
	issued, err := b.Issue(ctx, path)
	if err == nil || issued.Fields != nil {
		return errors.New("a secret was issued")
	}
	if !errors.Is(err, auth.ErrUnavailable) && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("the error is neither auth.ErrUnavailable nor the context's: %v", err)
	}
	return nil
}

func silent(ctx context.Context, b vault.Backend) error {
	const canary = "canary-4711"
	ended, cancel := context.WithCancel(ctx)
	cancel()
	for _, try := range []struct {
		ctx  context.Context
		path string
	}{{ctx, canary}, {ctx, "test/" + canary}, {ctx, "../" + canary}, {ctx, canary + "\n"}, {ended, path}} {
		_, err := b.Issue(try.ctx, try.path)
		if err == nil {
			return errors.New("no error at all")
		}
		text := fmt.Sprintf("%v %+v %#v", err, err, err)
		if strings.Contains(text, canary) || strings.Contains(text, path) {
			return errors.New("the error quotes the path")
		}
	}
	if err := b.Revoke(ctx, canary); err != nil && strings.Contains(err.Error(), canary) {
		return errors.New("the error quotes the id")
	}
	return nil
}

func concurrent(ctx context.Context, b vault.Backend) error {
	const callers, calls = 16, 20
	errs := make([]error, callers)
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			for range calls {
				issued, err := b.Issue(ctx, path)
				if err == nil && !issued.Fields[field].Equal([]byte(value)) {
					err = errors.New("another value")
				}
				if err == nil {
					err = b.Revoke(ctx, issued.ID)
				}
				errs[i] = errors.Join(errs[i], err)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

func revoked(ctx context.Context, b vault.Backend) error {
	issued, err := b.Issue(ctx, path)
	if err != nil {
		return err
	}
	for _, id := range []string{issued.ID, issued.ID, "no-such-id"} {
		if err := b.Revoke(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

func independent(ctx context.Context, b vault.Backend) error {
	first, err := b.Issue(ctx, path)
	if err != nil {
		return err
	}
	first.Fields[field].Wipe()
	delete(first.Fields, field)
	second, err := b.Issue(ctx, path)
	if err != nil {
		return err
	}
	if !second.Fields[field].Equal([]byte(value)) {
		return errors.New("fields or secrets are shared")
	}
	if first.ID != "" && first.ID == second.ID {
		return errors.New("ids are shared: revoking one ends the other")
	}
	return nil
}

func known(err error) bool {
	for _, sentinel := range []error{auth.ErrDenied, auth.ErrUndeclared, auth.ErrInvalid, auth.ErrUnavailable} {
		if errors.Is(err, sentinel) {
			return true
		}
	}
	return false
}
