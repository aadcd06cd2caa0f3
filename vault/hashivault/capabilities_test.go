package hashivault_test

import (
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/vault/hashivault"
	"github.com/carnet-go/carnet/vault/vaulttest"
)

func TestCapabilities(t *testing.T) {
	h := vaulttest.NewHashi(t)
	h.Mount("database", "database")
	h.Mount("pki", "pki")
	id := h.AppRole("app", 0, 0, "secret/app", "database/creds/ro", "pki/issue/web")
	v := dial(t, h, hashivault.Login{RoleID: id, SecretID: secret(h.SecretID("app"))}, hashivault.Options{})
	declared := []string{"secret/app", "database/creds/ro", "pki/issue/web", "secret/app"}
	granted, err := v.Capabilities(t.Context(), declared)
	want := map[string][]string{
		"secret/data/app": {"read"}, "secret/metadata/app": {"deny"}, "database/creds/ro": {"read"}, "pki/issue/web": {"update"},
	}
	if err != nil || !reflect.DeepEqual(granted, want) {
		t.Errorf("%v, %v", granted, err)
	}
	if found := hashivault.Excess(granted, nil); found.Err() != nil {
		t.Errorf("exactly what is needed: %v", found)
	}
	h.Grant("app", "secret/*", "create", "delete", "list")
	granted, err = v.Capabilities(t.Context(), declared)
	must(t, err)
	lines := fmt.Sprint(hashivault.Excess(granted, nil))
	for _, want := range []string{"V103 create is granted: the secret can be replaced at secret/data/app", "V104 delete is granted at secret/data/app", "V105 list is granted: the names of other secrets are shown at secret/metadata/app"} {
		if !strings.Contains(lines, want) {
			t.Errorf("no %q in\n%s", want, lines)
		}
	}
	for _, paths := range [][]string{{"other/app"}, {"secret/app", "../sys"}} {
		if _, err := v.Capabilities(t.Context(), paths); err != auth.ErrUndeclared {
			t.Errorf("%q: %v", paths, err)
		}
	}
	if _, err := v.Capabilities(t.Context(), nil); err != auth.ErrInvalid {
		t.Errorf("of nothing: %v", err)
	}
}

func TestExcess(t *testing.T) {
	for _, tt := range []struct {
		path       string
		capability string
		want       string
	}{
		{"secret/data/app", "read", ""},
		{"secret/data/app", "deny", ""},
		{"secret/data/app", "root", "V101"},
		{"secret/data/app", "sudo", "V102"},
		{"secret/data/app", "create", "V103"},
		{"secret/data/app", "update", "V103"},
		{"secret/data/app", "patch", "V103"},
		{"secret/data/app", "delete", "V104"},
		{"secret/data/app", "list", "V105"},
		{"secret/data/app", "subscribe", "V107"},
		{"secret/metadata/app", "read", "V106"},
		{"kv1/app", "read", ""},
		{"kv1/app", "update", "V103"},
		{"database/creds/ro", "read", ""},
		{"database/static-creds/ro", "read", ""},
		{"database/config/pg", "read", "V106"},
		{"pki/issue/web", "update", ""},
		{"pki/issue/web", "read", "V106"},
		{"pki/issue/web", "create", "V103"},
		{"sys/mounts", "read", "V106"},
	} {
		mounts := map[string]hashivault.Engine{"secret": hashivault.KV2, "kv1": hashivault.KV1, "database": hashivault.Database, "pki": hashivault.PKI}
		found := hashivault.Excess(map[string][]string{tt.path: {tt.capability, tt.capability}}, mounts)
		got := ""
		if len(found) > 0 {
			got = found[0].Code
		}
		if got != tt.want || len(found) > 1 || len(found) == 1 && found[0].Path != tt.path {
			t.Errorf("%s at %s: %v, want %s", tt.capability, tt.path, found, tt.want)
		}
	}
}

func TestBadCapabilities(t *testing.T) {
	for _, bad := range []string{
		`{}`, `x`, `{"data":{"secret/data/app":["read"]}}`, `{"data":{"secret/data/app":"read","secret/metadata/app":["deny"]}}`,
		`{"data":{"secret/data/app":[],"secret/metadata/app":["deny"]}}`, `{"data":{"secret/data/app":["read"],"secret/data/app":["deny"]}}`,
		`{"secret/data/app":["read"],"secret/metadata/app":["deny"]}`, `{"data":{"secret/data/app":[1],"secret/metadata/app":["deny"]}}`,
	} {
		v := stubbed(t, map[string]http.HandlerFunc{"/v1/sys/capabilities-self": ok(bad)})
		if granted, err := v.Capabilities(t.Context(), []string{"secret/app"}); err != auth.ErrInvalid || granted != nil {
			t.Errorf("%s: %v", bad, err)
		}
	}
}
