package vaulttest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carnet-go/carnet/vault/vaulttest"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const recording = "testdata/vault-1.21.4.json"

// exchange is one of a real Vault.
type exchange struct {
	Name    string
	Request struct {
		Method, Path string
		Headers      map[string]string
		Body         any
	}
	Response struct {
		Status  int
		Headers map[string]string
		Body    any
	}
}

func recorded(t *testing.T) []exchange {
	t.Helper()
	b, err := os.ReadFile(recording)
	if err != nil {
		t.Fatal(err)
	}
	var all []exchange
	if err := json.Unmarshal(b, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// waits are the times that had passed before an exchange.
var waits = map[string]time.Duration{
	"token lookup-self after expiry":           10 * time.Second,
	"lease renew":                              2 * time.Second,
	"lease renew capped by max_ttl":            2500 * time.Millisecond,
	"lease renew after end":                    5 * time.Second,
	"lease renew at 2 s under a 3 s token":     2 * time.Second,
	"lease lookup at 4 s: dead with its token": 2 * time.Second,
}

// exceptions are exchanges of which something is not compared, and why.
var exceptions = map[string]struct{ at, why string }{
	"transit datakey wrapped": {".data.plaintext", "the key is random; what decrypt yields is compared"},
}

// TestHashiAnswersAsRecorded sends the fake all that a real Vault was sent, in that order,
// and compares status, headers, members, types and every text that is no random value.
func TestHashiAnswersAsRecorded(t *testing.T) {
	all := recorded(t)
	if len(all) != 79 {
		t.Fatalf("%d exchanges", len(all))
	}
	h := vaulttest.NewHashi(t)
	synctest.Test(t, func(t *testing.T) { replay(t, h, all) })
}

func replay(t *testing.T, h *vaulttest.Hashi, all []exchange) {
	same := map[string]string{} // recorded text, and the fake's in its place
	for _, e := range all {
		time.Sleep(waits[e.Name] + time.Millisecond) // in no time: there is no network
		status, header, body := send(t, h, e, same)
		if status != e.Response.Status {
			t.Errorf("%s: status %d, want %d: %v", e.Name, status, e.Response.Status, body)
			continue
		}
		for name, want := range e.Response.Headers {
			if got := header.Get(name); got != want {
				t.Errorf("%s: %s: %q, want %q", e.Name, name, got, want)
			}
		}
		for _, d := range compare(e.Name, "", e.Response.Body, body, same) {
			if d.at != exceptions[e.Name].at {
				t.Errorf("%s: %s is %v, want %v", e.Name, d.at, d.got, d.want)
			}
		}
	}
}

func send(t *testing.T, h http.Handler, e exchange, same map[string]string) (int, http.Header, any) {
	t.Helper()
	var body io.Reader
	if e.Request.Body != nil {
		b, err := json.Marshal(replaced(e.Request.Body, same))
		if err != nil {
			t.Fatal(err)
		}
		body = bytes.NewReader(b)
	}
	r := httptest.NewRequestWithContext(t.Context(), e.Request.Method, e.Request.Path, body)
	for name, value := range e.Request.Headers {
		if other, ok := same[value]; ok {
			value = other
		}
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	var got any
	if w.Body.Len() > 0 {
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
			t.Fatalf("%s: %v", e.Name, err)
		}
	}
	return w.Code, w.Header(), got
}

// replaced is a recorded body with the fake's values in it.
func replaced(v any, same map[string]string) any {
	switch v := v.(type) {
	case string:
		if other, ok := same[v]; ok {
			return other
		}
	case map[string]any:
		m := map[string]any{}
		for name, member := range v {
			m[name] = replaced(member, same)
		}
		return m
	case []any:
		l := make([]any, len(v))
		for i := range v {
			l[i] = replaced(v[i], same)
		}
		return l
	}
	return v
}

// fixed are the members whose text and numbers are not random.
var fixed = []string{
	"errors", "warnings", "mount_type", "policies", "token_policies", "creation_path", "path", "type", "name", "token_type", "lease_duration",
	"renewable", "ttl", "version", "destroyed", "secret_id_num_uses", "role_name", "display_name", "creation_ttl", "key_version", "sealed",
	"standby", "initialized", "plaintext", "current_version", "orphan", "private_key_type", "latest_version",
}

// isFixed goes by the name of a member. What a KV secret holds is what was written.
func isFixed(exchange, at string) bool {
	return slices.Contains(fixed, at[strings.LastIndexByte(at, '.')+1:]) || strings.HasPrefix(exchange, "kv") && strings.HasSuffix(at, ".password")
}

type difference struct {
	at        string
	got, want any
}

// compare says in what two answers differ, and learns which random text stands for which.
func compare(exchange, at string, want, got any, same map[string]string) (differ []difference) {
	if fmt.Sprintf("%T", want) != fmt.Sprintf("%T", got) {
		return []difference{{at, got, want}}
	}
	switch want := want.(type) {
	case map[string]any:
		got := got.(map[string]any)
		if a, b := slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(got)); !slices.Equal(a, b) {
			return []difference{{at, b, a}}
		}
		for name := range want {
			differ = append(differ, compare(exchange, at+"."+name, want[name], got[name], same)...)
		}
	case []any:
		got := got.([]any)
		if len(want) != len(got) {
			return []difference{{at, got, want}}
		}
		for i := range want {
			differ = append(differ, compare(exchange, at, want[i], got[i], same)...)
		}
	default:
		if isFixed(exchange, at) && want != got {
			return []difference{{at, got, want}}
		}
		if s, ok := want.(string); ok && s != got {
			same[s] = got.(string)
		}
	}
	return differ
}
