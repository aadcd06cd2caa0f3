package hashivault

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/mapping"
)

const mostPaths = 512 // of one call of Capabilities

// Capabilities is what the login may do, by API path: at those that the declared paths are
// read from, and for KV2 at the metadata beside them.
func (v *Vault) Capabilities(ctx context.Context, paths []string) (map[string][]string, error) {
	if v.zero() {
		return nil, auth.ErrUndeclared
	}
	var ask []string
	for _, path := range paths {
		r, ok := find(v.mounts, path)
		if !ok {
			return nil, auth.ErrUndeclared
		}
		ask = append(ask, r.api())
		if r.engine == KV2 {
			ask = append(ask, r.mount+"/metadata/"+r.rest)
		}
	}
	slices.Sort(ask)
	ask = slices.Compact(ask)
	if len(ask) == 0 || len(ask) > mostPaths {
		return nil, auth.ErrInvalid
	}
	granted := make(map[string][]string, len(ask))
	body := map[string]any{"paths": ask}
	err := v.call(ctx, request{method: http.MethodPost, path: "sys/capabilities-self", body: body}, func(a answer) error {
		e, err := a.envelope()
		for _, path := range ask {
			said := e.data.get(path)
			if err != nil || said.kind != list || len(said.of) == 0 {
				return auth.ErrInvalid
			}
			for _, one := range said.of {
				if one.kind != text {
					return auth.ErrInvalid
				}
				granted[path] = append(granted[path], string(one.text))
			}
			slices.Sort(granted[path])
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return granted, nil
}

// Excess says what is granted beyond what carnet needs, which is to read a secret, and to
// update a PKI role's issue. granted is what Capabilities returned; mounts are those of
// Options, nil the default ones. The codes are:
//
//	V101  root: everything
//	V102  sudo: paths that only root may use
//	V103  create, update or patch: the secret can be replaced
//	V104  delete
//	V105  list: the names of other secrets
//	V106  read, where nothing is read
//	V107  anything else
//
// Path in a Finding is the API path.
func Excess(granted map[string][]string, mounts map[string]Engine) mapping.Findings {
	if mounts == nil {
		mounts = usual()
	}
	var found mapping.Findings
	for _, path := range slices.Sorted(maps.Keys(granted)) {
		may := slices.Sorted(slices.Values(granted[path]))
		for _, capability := range slices.Compact(may) {
			if capability == "deny" || capability == needed(mounts, path) {
				continue
			}
			code, problem := excess(capability)
			found = append(found, mapping.Finding{Code: code, Problem: problem, Path: path})
		}
	}
	return found
}

// usual are the mounts of a server in development mode, and those of the documentation.
func usual() map[string]Engine {
	return map[string]Engine{"secret": KV2, "database": Database, "pki": PKI}
}

// needed is the one capability that is used at an API path; empty: none.
func needed(mounts map[string]Engine, path string) string {
	r, ok := find(mounts, path)
	switch {
	case !ok || r.engine == KV2 && !strings.HasPrefix(r.rest, "data/"):
		return ""
	case r.engine == PKI:
		return "update"
	}
	return "read"
}

func excess(capability string) (code, problem string) {
	switch capability {
	case "root":
		return "V101", "the login is root: it may do everything"
	case "sudo":
		return "V102", "sudo is granted: paths that only root may use"
	case "create", "update", "patch":
		return "V103", capability + " is granted: the secret can be replaced"
	case "delete":
		return "V104", "delete is granted"
	case "list":
		return "V105", "list is granted: the names of other secrets are shown"
	case "read":
		return "V106", "read is granted where nothing is read"
	}
	return "V107", "a capability is granted that is not used"
}
