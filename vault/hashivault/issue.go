package hashivault

import (
	"context"
	"regexp"
	"strings"
	"time"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/vault"
)

// pathPattern is that of package vault.
var pathPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]*(/[a-z0-9][a-z0-9._-]*)*$`)

const longestPath = 255

func isPath(s string) bool { return len(s) <= longestPath && pathPattern.MatchString(s) }

// Engine is what is mounted at a path of the server.
type Engine uint8

// The engines.
const (
	KV1      Engine = 1 + iota // "kv1/app" is GET kv1/app
	KV2                        // "secret/app" is GET secret/data/app
	Database                   // "database/creds/ro" and "database/static-creds/ro" are just that
	PKI                        // "pki/issue/web" is POST pki/issue/web
)

// route is a declared path, taken apart.
type route struct {
	engine Engine
	mount  string
	rest   string
}

// find takes the longest mount that is a prefix.
func find(mounts map[string]Engine, path string) (route, bool) {
	if !isPath(path) {
		return route{}, false
	}
	for end := len(path); ; {
		if end = strings.LastIndexByte(path[:end], '/'); end < 0 {
			return route{}, false
		}
		if engine, ok := mounts[path[:end]]; ok {
			r := route{engine, path[:end], path[end+1:]}
			return r, r.fits()
		}
	}
}

// fits says whether the engine has paths of that form.
func (r route) fits() bool {
	kind, role, ok := strings.Cut(r.rest, "/")
	switch r.engine {
	case Database:
		return ok && (kind == "creds" || kind == "static-creds") && !strings.Contains(role, "/")
	case PKI:
		return ok && kind == "issue" && !strings.Contains(role, "/")
	}
	return true
}

// api is the path below /v1/ that the secret is got from.
func (r route) api() string {
	if r.engine == KV2 {
		return r.mount + "/data/" + r.rest
	}
	return r.mount + "/" + r.rest
}

// Issue implements vault.Backend. The path begins with a mount of Options.Mounts.
func (v *Vault) Issue(ctx context.Context, path string) (vault.Issued, error) {
	if v.zero() {
		return vault.Issued{}, auth.ErrUndeclared
	}
	r, ok := find(v.mounts, path)
	if !ok {
		return vault.Issued{}, auth.ErrUndeclared
	}
	switch {
	case r.engine == KV1:
		return v.kv1(ctx, r)
	case r.engine == KV2:
		return v.kv2(ctx, r)
	case r.engine == PKI:
		return v.certificate(ctx, r, path)
	case strings.HasPrefix(r.rest, "static-creds/"):
		return v.static(ctx, r)
	}
	return v.dynamic(ctx, r)
}

// detached makes a call that issues a lease. It goes on when the caller has left, so that
// the lease can be revoked.
func (v *Vault) detached(ctx context.Context, r request, read func(answer) (vault.Issued, error)) (vault.Issued, error) {
	if ctx.Err() != nil {
		return vault.Issued{}, silent(ctx)
	}
	if !v.begin() {
		return vault.Issued{}, errClosed
	}
	type result struct {
		issued vault.Issued
		err    error
	}
	results := make(chan result)
	r.issues, r.wanted = true, ctx
	go func() {
		defer v.tasks.Done()
		issued, id, err := v.issue(r, read)
		if err != nil && id != "" { // it is no secret, and it is lent
			v.take(id)
		}
		select {
		case results <- result{issued, err}:
		case <-ctx.Done():
			for _, s := range issued.Fields {
				s.Wipe()
			}
			if err == nil {
				v.take(id)
			}
		}
	}()
	select {
	case got := <-results:
		return got.issued, got.err
	case <-ctx.Done():
		return vault.Issued{}, silent(ctx)
	}
}

// issue is a lease, with all that ends it.
func (v *Vault) issue(r request, read func(answer) (vault.Issued, error)) (issued vault.Issued, id string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), callWithin)
	defer cancel()
	err = v.call(ctx, r, func(a answer) error {
		e, err := a.envelope()
		if id = e.lease; err != nil {
			return err
		}
		issued, err = read(a)
		return err
	})
	if err != nil {
		if ctx.Err() != nil {
			err = auth.ErrUnavailable // and nobody's context has ended
		}
		return vault.Issued{}, id, err
	}
	issued.ID = id
	if left := v.parent(id); id != "" && left != forever {
		issued.ParentTTL = max(left, time.Nanosecond)
	}
	return issued, id, nil
}

// take revokes a lease that nobody gets.
func (v *Vault) take(id string) {
	if id == "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), revokeWithin)
	defer cancel()
	_ = v.Revoke(ctx, id)
}
