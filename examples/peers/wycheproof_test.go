package peers_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/c2sp/wycheproof"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/oidcauth"
)

// The payloads of the vectors are no claims. That is what a token with a verified
// signature is refused for.
const verified = "oidcauth: claims malformed or missing"

// vectors is a file of Wycheproof's.
type vectors struct {
	TestGroups []struct {
		Private, Public json.RawMessage // a JWK, or a set of them
		Tests           []vector
	}
}

type vector struct {
	ID      int `json:"tcId"`
	Comment string
	JWS     any // compact, or an object: the JSON serialization
	Result  string
}

// TestWycheproof: what is invalid is refused, and what is valid under an algorithm
// of ours is accepted, except as testdata/wycheproof.txt says.
func TestWycheproof(t *testing.T) {
	known := exceptions(t)
	for _, file := range []string{"json_web_signature_test", "json_web_crypto_test", "json_web_key_test"} {
		t.Run(file, func(t *testing.T) {
			var all vectors
			text, err := fs.ReadFile(wycheproof.TestVectors, file+".json")
			if err == nil {
				err = json.Unmarshal(text, &all)
			}
			if err != nil {
				t.Fatal(err)
			}
			counts := map[string]int{}
			for _, group := range all.TestGroups {
				v := verifier(t, group.Private, group.Public)
				for _, vector := range group.Tests {
					if vector.JWS == nil {
						continue // encryption, which is nothing of ours
					}
					name := fmt.Sprintf("%s %d", file, vector.ID)
					got, want := judge(t, v, vector), expected(vector)
					if got != want && known[name] != got {
						t.Errorf("%s (%s) is %s and was %s", name, vector.Comment, vector.Result, got)
					}
					if got != want {
						delete(known, name)
					}
					counts[vector.Result+" "+got]++
				}
			}
			t.Log(counts)
			if counts["invalid refused"] == 0 || counts["valid accepted"] == 0 {
				t.Errorf("the file has none of a kind: %v", counts)
			}
		})
	}
	for _, name := range slices.Sorted(maps.Keys(known)) {
		t.Errorf("testdata/wycheproof.txt: %s is no exception", name)
	}
}

func expected(v vector) string {
	if v.Result == "valid" && ours(v.JWS) {
		return "accepted"
	}
	return "refused"
}

// ours says whether the header names an algorithm that oidcauth verifies.
func ours(jws any) bool {
	compact, _ := jws.(string)
	head, _, _ := strings.Cut(compact, ".")
	text, err := base64.RawURLEncoding.DecodeString(head)
	var header struct{ Alg string }
	if err != nil || json.Unmarshal(text, &header) != nil {
		return false
	}
	return slices.Contains([]string{"RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "EdDSA"}, header.Alg)
}

func judge(t *testing.T, v *oidcauth.Verifier, vec vector) string {
	t.Helper()
	token, ok := vec.JWS.(string)
	if !ok {
		text, err := json.Marshal(vec.JWS)
		if err != nil {
			t.Fatal(err)
		}
		token = string(text)
	}
	_, err := v.Verify(t.Context(), auth.Bearer(token))
	if !errors.Is(err, auth.ErrInvalid) {
		t.Errorf("%d: Verify = %v", vec.ID, err)
	}
	if err != nil && err.Error() == verified {
		return "accepted"
	}
	return "refused"
}

// verifier knows the public key of a group, or what else it is verified with, and
// one that none is signed with, so that there are always keys.
func verifier(t *testing.T, private, public json.RawMessage) *oidcauth.Verifier {
	t.Helper()
	if public == nil {
		public = private
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(public, &set); err != nil {
		t.Fatal(err)
	}
	if set.Keys == nil {
		set.Keys = []json.RawMessage{public}
	}
	set.Keys = append(set.Keys, json.RawMessage(`{"kty":"OKP","crv":"Ed25519","kid":"nobody's","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`))
	keys, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	v, err := oidcauth.New(context.Background(), "https://vectors.example", "us", &oidcauth.Options{Client: &http.Client{Transport: issuer(keys)}})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// issuer is the key set of one.
type issuer []byte

func (i issuer) RoundTrip(r *http.Request) (*http.Response, error) {
	body := []byte(i)
	if strings.HasSuffix(r.URL.Path, "/openid-configuration") {
		body = []byte(`{"issuer":"https://vectors.example","jwks_uri":"https://vectors.example/keys"}`)
	}
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(body)), Request: r}, nil
}

// exceptions are vectors that we judge otherwise, with the reason: lines of file and
// number, verdict and reason, separated by tabs.
func exceptions(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("testdata/wycheproof.txt")
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]string{}
	for i, line := range strings.Split(strings.TrimSuffix(string(text), "\n"), "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		fields := strings.Split(line, "\t")
		if len(fields) != 3 || fields[1] != "accepted" && fields[1] != "refused" || fields[2] == "" {
			t.Fatalf("testdata/wycheproof.txt:%d: not vector, verdict and reason", i+1)
		}
		known[fields[0]] = fields[1]
	}
	return known
}
