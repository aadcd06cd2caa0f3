package hashivault

import (
	"context"
	"net/http"
	"time"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/vault"
)

// kv1 reads a secret that has no versions. Its lease_duration says how often to look
// again, and is no lease.
func (v *Vault) kv1(ctx context.Context, r route) (issued vault.Issued, err error) {
	err = v.call(ctx, request{method: http.MethodGet, path: r.api()}, func(a answer) error {
		e, err := a.envelope()
		if err == nil {
			issued.Fields, err = secrets(e.data)
		}
		return err
	})
	return only(issued, err)
}

// kv2 reads the newest version of a secret.
func (v *Vault) kv2(ctx context.Context, r route) (issued vault.Issued, err error) {
	read := request{method: http.MethodGet, path: r.api(), refused: func(a answer) error {
		if a.status == http.StatusNotFound {
			_, err := version(a)
			return err
		}
		return a.side()
	}}
	err = v.call(ctx, read, func(a answer) (err error) {
		issued, err = version(a)
		return err
	})
	return only(issued, err)
}

// version is what a KV v2 mount says of one: also of one that is gone, which some servers
// do with 404 and some with 200.
func version(a answer) (vault.Issued, error) {
	e, err := a.envelope()
	if err != nil {
		return vault.Issued{}, err
	}
	meta := e.data.get("metadata")
	if a.status == http.StatusNotFound && meta.kind != object {
		return vault.Issued{}, auth.ErrUndeclared
	}
	number, deletion := meta.get("version"), meta.get("deletion_time")
	if _, ok := seconds(number); !ok || number.absent() || string(number.text) == "0" {
		return vault.Issued{}, auth.ErrInvalid
	}
	switch data := e.data.get("data"); {
	case string(meta.get("destroyed").text) == "true":
		return vault.Issued{}, ErrDestroyed
	case data.absent() || a.status == http.StatusNotFound:
		return vault.Issued{}, ErrDeleted
	default:
		issued := vault.Issued{Version: string(number.text)}
		if issued.TTL, err = deletes(deletion); err == nil {
			issued.Fields, err = secrets(data)
		}
		return issued, err
	}
}

// deletes is how long a version lasts that the mount will delete by itself; zero: as long
// as it likes.
func deletes(n node) (time.Duration, error) {
	if n.absent() || n.kind == text && len(n.text) == 0 {
		return 0, nil
	}
	at, err := time.Parse(time.RFC3339Nano, string(n.text))
	if err != nil {
		return 0, auth.ErrInvalid
	}
	left := time.Until(at)
	if left <= 0 {
		return 0, ErrDeleted
	}
	return left, nil
}

// only lets nothing out beside an error.
func only(issued vault.Issued, err error) (vault.Issued, error) {
	if err != nil {
		return vault.Issued{}, err
	}
	return issued, nil
}
