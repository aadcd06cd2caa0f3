package awsvault_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/vault/awsvault"
)

func TestNewRefuses(t *testing.T) {
	good := func() *awsvault.WebIdentity { return &awsvault.WebIdentity{RoleARN: role, Tokens: &counted{}} }
	identity := func(change func(*awsvault.WebIdentity)) awsvault.Credentials {
		w := good()
		change(w)
		return awsvault.Credentials{WebIdentity: w}
	}
	for name, tt := range map[string]struct {
		region string
		c      awsvault.Credentials
		o      *awsvault.Options
	}{
		"no region":            {"", static(), nil},
		"a host for a region":  {"evil.example", static(), nil},
		"a path for a region":  {"eu-central-1/x", static(), nil},
		"upper case":           {"EU-central-1", static(), nil},
		"no credentials":       {"eu-central-1", awsvault.Credentials{}, nil},
		"two":                  {"eu-central-1", awsvault.Credentials{Keys: keys("a", "b", ""), WebIdentity: good()}, nil},
		"two others":           {"eu-central-1", awsvault.Credentials{Provider: broken{}, WebIdentity: good()}, nil},
		"empty keys":           {"eu-central-1", awsvault.Credentials{Keys: &awsvault.Keys{}}, nil},
		"no secret key":        {"eu-central-1", awsvault.Credentials{Keys: keys("a", "", "")}, nil},
		"no access key":        {"eu-central-1", awsvault.Credentials{Keys: keys("", "b", "")}, nil},
		"no tokens":            {"eu-central-1", identity(func(w *awsvault.WebIdentity) { w.Tokens = nil }), nil},
		"no role":              {"eu-central-1", identity(func(w *awsvault.WebIdentity) { w.RoleARN = "" }), nil},
		"a user for a role":    {"eu-central-1", identity(func(w *awsvault.WebIdentity) { w.RoleARN = "arn:aws:iam::123456789012:user/u" }), nil},
		"session name":         {"eu-central-1", identity(func(w *awsvault.WebIdentity) { w.SessionName = "a b" }), nil},
		"endpoint of STS":      {"eu-central-1", identity(func(w *awsvault.WebIdentity) { w.Endpoint = "http://sts.example" }), nil},
		"an ARN as prefix":     {"eu-central-1", static(), &awsvault.Options{Prefix: "arn:aws:secretsmanager:eu-central-1:123456789012:secret:"}},
		"a long prefix":        {"eu-central-1", static(), &awsvault.Options{Prefix: strings.Repeat("a", 201)}},
		"field":                {"eu-central-1", static(), &awsvault.Options{Field: "a b"}},
		"plain endpoint":       {"eu-central-1", static(), &awsvault.Options{Endpoint: "http://10.0.0.1"}},
		"loopback by name":     {"eu-central-1", static(), &awsvault.Options{Endpoint: "http://localhost.example"}},
		"another scheme":       {"eu-central-1", static(), &awsvault.Options{Endpoint: "ftp://127.0.0.1"}},
		"endpoint with a path": {"eu-central-1", static(), &awsvault.Options{Endpoint: "https://x.example/a"}},
		"with a user":          {"eu-central-1", static(), &awsvault.Options{Endpoint: "https://u:p@x.example"}},
		"with a query":         {"eu-central-1", static(), &awsvault.Options{Endpoint: "https://x.example?a"}},
		"with a fragment":      {"eu-central-1", static(), &awsvault.Options{Endpoint: "https://x.example#a"}},
		"no host":              {"eu-central-1", static(), &awsvault.Options{Endpoint: "https://"}},
		"no URL":               {"eu-central-1", static(), &awsvault.Options{Endpoint: "%"}},
	} {
		if b, err := awsvault.New(tt.region, tt.c, tt.o); !errors.Is(err, auth.ErrInvalid) || b != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, o := range []*awsvault.Options{nil, {}, {Endpoint: "http://localhost:4711/"}, {Endpoint: "http://[::1]:4711"}, {Endpoint: "https://secretsmanager-fips.us-east-1.amazonaws.com"}} {
		for _, region := range []string{"us-east-1", "eu-central-1", "us-gov-west-1", "cn-north-1", "eusc-de-east-1", "us-iso-east-1"} {
			if _, err := awsvault.New(region, awsvault.Credentials{WebIdentity: good()}, o); err != nil {
				t.Errorf("%s: %v", region, err)
			}
		}
	}
}

func TestZero(t *testing.T) {
	for _, b := range []*awsvault.Vault{nil, {}} {
		_, err := b.Issue(t.Context(), "crm/api")
		if a := b.IssueAll(t.Context(), []string{"crm/api"})["crm/api"]; err != auth.ErrUndeclared || a.Err != auth.ErrUndeclared {
			t.Errorf("%v, %v", err, a.Err)
		}
		if err := errors.Join(b.Revoke(t.Context(), "x"), b.Close(t.Context())); err != nil {
			t.Error(err)
		}
	}
}

// TestClose ends connections that are idle and of its own, and nothing else.
func TestClose(t *testing.T) {
	var mu sync.Mutex
	ends := make(chan struct{}, 8)
	open := map[net.Conn]bool{}
	f := newFake(func(c net.Conn, s http.ConnState) {
		mu.Lock()
		defer mu.Unlock()
		if s == http.StateClosed && open[c] {
			ends <- struct{}{}
		}
		open[c] = s == http.StateIdle
	})
	defer f.server.Close()
	f.put("crm/api", "k3y")
	given := &http.Client{Transport: &http.Transport{}}
	defer given.CloseIdleConnections()
	for _, o := range []*awsvault.Options{nil, {HTTPClient: given}} {
		b := f.vault(t, o)
		for range 2 {
			if _, err := b.Issue(t.Context(), "crm/api"); err != nil {
				t.Fatal(err)
			}
			if err := b.Close(context.Background()); err != nil {
				t.Fatal(err)
			}
			select {
			case <-ends:
				if o != nil {
					t.Error("a connection of somebody else's was closed")
				}
			case <-time.After(200 * time.Millisecond):
				if o == nil {
					t.Error("the connection stays open")
				}
			}
		}
	}
}
