package hashivault

import (
	"context"
	"net/http"
	"strings"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/vault"
)

// dynamic makes a login at a database, which ends with its lease.
func (v *Vault) dynamic(ctx context.Context, r route) (vault.Issued, error) {
	ask := request{method: http.MethodGet, path: r.api(), refused: r.refused}
	return v.detached(ctx, ask, func(a answer) (vault.Issued, error) {
		e, err := a.envelope()
		if err != nil {
			return vault.Issued{}, err
		}
		if e.lease == "" || e.duration == 0 {
			return vault.Issued{}, auth.ErrInvalid
		}
		fields, err := secrets(e.data)
		return vault.Issued{Fields: fields, TTL: e.duration}, err
	})
}

// static reads a login that the server gives another password from time to time.
func (v *Vault) static(ctx context.Context, r route) (issued vault.Issued, err error) {
	ask := request{method: http.MethodGet, path: r.api(), refused: r.refused}
	err = v.call(ctx, ask, func(a answer) error {
		e, err := a.envelope()
		if err != nil {
			return err
		}
		left, ok := seconds(e.data.get("ttl"))
		rotated, isText := e.data.get("last_vault_rotation").string()
		if !ok || !isText || rotated == "" || e.data.get("ttl").absent() {
			return auth.ErrInvalid
		}
		if left == 0 {
			return auth.ErrExpired // the password is being changed
		}
		issued.Version, issued.TTL = rotated, left
		issued.Fields, err = secrets(e.data, "last_vault_rotation", "rotation_period", "rotation_schedule", "rotation_window", "ttl")
		return err
	})
	return only(issued, err)
}

// refused tells a role that is not there from a request that is wrong: both are 400, and
// only the text says which, compared as a whole.
func (r route) refused(a answer) error {
	_, role, _ := strings.Cut(r.rest, "/")
	if a.says("unknown role: " + role) {
		return auth.ErrUndeclared
	}
	return a.side()
}
