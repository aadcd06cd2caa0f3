package main

import (
	"cmp"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// Who the service is, and what the role trusts: nobody else gets a session.
const (
	region  = "eu-central-1"
	role    = "arn:aws:iam::123456789012:role/payroll"
	issuer  = "https://cluster.acme.example"
	subject = "system:serviceaccount:erp:payroll"
	sts     = "sts.amazonaws.com"

	foreign = "AMBIENT4711" // stands in all that the environment offers, and is seen wherever it comes out
)

// standIn is STS and Secrets Manager on loopback, as far as this program asks them. It does
// not compute signatures: package awsvault's own tests do.
type standIn struct {
	*httptest.Server
	secret     string            // its name
	identities *ecdsa.PrivateKey // of the issuer

	mu       sync.Mutex
	sessions map[string]string // session token, by access key
	texts    map[string]string // of the secret, by version
	stages   map[string]string // version, by stage
	saw      seen
}

// seen is what came.
type seen struct{ logins, reads, notCurrent, refused, ambient int }

func (s seen) String() string {
	return fmt.Sprintf("logins %d, reads %d, of what is not current %d, refused %d, from the environment %d", s.logins, s.reads, s.notCurrent, s.refused, s.ambient)
}

// stand starts one that has the secret, and completes the settings for it.
func stand(dir string, s *settings) (*standIn, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	s.region, s.roleARN, s.tokenFile, s.every = region, role, filepath.Join(dir, "token"), cmp.Or(s.every, time.Second)
	a := &standIn{secret: s.prefix + s.secret, identities: key, sessions: map[string]string{}, texts: map[string]string{}, stages: map[string]string{}}
	end := jwt.NewNumericDate(time.Now().Add(time.Hour))
	if err := a.identify(s.tokenFile, jwt.Claims{Issuer: issuer, Subject: subject, Audience: jwt.Audience{sts}, Expiry: end}); err != nil {
		return nil, err
	}
	a.promote(a.store())
	a.Server = httptest.NewTLSServer(a)
	return a, nil
}

// identify writes a token of the issuer's into a file.
func (a *standIn) identify(file string, c jwt.Claims) error {
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: a.identities}, nil)
	if err != nil {
		return err
	}
	token, err := jwt.Signed(signer).Claims(c).Serialize()
	if err != nil {
		return err
	}
	return os.WriteFile(file, []byte(token), 0o600)
}

// ambient is an environment in which a chain of defaults finds somebody else to be.
func (a *standIn) ambient() map[string]string {
	elsewhere := a.URL + "/" + foreign
	return map[string]string{
		"AWS_ACCESS_KEY_ID": foreign, "AWS_SECRET_ACCESS_KEY": foreign, "AWS_SESSION_TOKEN": foreign, "AWS_REGION": foreign,
		"AWS_PROFILE": foreign, "AWS_ROLE_ARN": role + foreign, "AWS_ENDPOINT_URL": elsewhere,
		"AWS_CONTAINER_CREDENTIALS_FULL_URI": elsewhere, "AWS_EC2_METADATA_SERVICE_ENDPOINT": elsewhere,
		"AWS_EXECUTION_ENV": foreign, "AWS_LAMBDA_FUNCTION_NAME": foreign, "_X_AMZN_TRACE_ID": foreign,
	}
}

// store makes a new version, which is pending.
func (a *standIn) store() (version string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	version = fmt.Sprintf("%08d-4711-4711-4711-474747474747", len(a.texts)+1)
	a.texts[version] = fmt.Sprintf(`{"username": "payroll", "password": %q}`, rand.Text())
	a.stages["AWSPENDING"] = version
	return version
}

// promote makes what was pending the current version.
func (a *standIn) promote(version string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.stages, "AWSPENDING")
	a.stages["AWSPREVIOUS"], a.stages["AWSCURRENT"] = a.stages["AWSCURRENT"], version
}

func (a *standIn) seen() seen {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.saw
}

// ServeHTTP is both services, which real ones have at hosts of their own.
func (a *standIn) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if strings.Contains(fmt.Sprint(r.URL, r.Header, string(body)), foreign) {
		a.saw.ambient++
	}
	switch {
	case r.Method != http.MethodPost || r.URL.Path != "/":
		a.refuse(w, "AccessDeniedException")
	case r.Header.Get("X-Amz-Target") == "secretsmanager.GetSecretValue":
		a.get(w, r, body)
	default:
		a.assume(w, body)
	}
}

// refuse is an error of either service: the code is all that is read of it.
func (a *standIn) refuse(w http.ResponseWriter, code string) {
	a.saw.refused++
	w.Header().Set("X-Amzn-ErrorType", code)
	w.WriteHeader(http.StatusBadRequest)
	_, _ = fmt.Fprintf(w, `<ErrorResponse><Error><Code>%s</Code></Error></ErrorResponse>`, code)
}

const assumed = `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult><Credentials>
<AccessKeyId>%s</AccessKeyId><SecretAccessKey>%s</SecretAccessKey><SessionToken>%s</SessionToken><Expiration>%s</Expiration>
</Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`

// assume lends a session for a token that the role trusts.
func (a *standIn) assume(w http.ResponseWriter, body []byte) {
	form, err := url.ParseQuery(string(body))
	if err != nil || form.Get("Action") != "AssumeRoleWithWebIdentity" || form.Get("RoleArn") != role || !a.trusts(form.Get("WebIdentityToken")) {
		a.refuse(w, "InvalidIdentityToken")
		return
	}
	a.saw.logins++
	key, session := "ASIA"+rand.Text()[:16], rand.Text()
	a.sessions[key] = session
	w.Header().Set("Content-Type", "text/xml")
	_, _ = fmt.Fprintf(w, assumed, key, rand.Text(), session, time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
}

// trusts is what a role's trust policy says, and what IAM knows of the issuer.
func (a *standIn) trusts(token string) bool {
	parsed, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		return false
	}
	var c jwt.Claims
	err = parsed.Claims(a.identities.Public(), &c)
	return err == nil && c.Expiry != nil && c.Validate(jwt.Expected{Issuer: issuer, Subject: subject, AnyAudience: jwt.Audience{sts}}) == nil
}

// lent says whether a request is signed in a session.
func (a *standIn) lent(h http.Header) bool {
	signed, ok := strings.CutPrefix(h.Get("Authorization"), "AWS4-HMAC-SHA256 Credential=")
	credential, rest, _ := strings.Cut(signed, ", SignedHeaders=")
	headers, _, _ := strings.Cut(rest, ", Signature=")
	key, scope, _ := strings.Cut(credential, "/")
	session := a.sessions[key]
	return ok && session != "" && h.Get("X-Amz-Security-Token") == session && slices.Contains(strings.Split(headers, ";"), "x-amz-security-token") &&
		strings.HasSuffix(scope, "/"+region+"/secretsmanager/aws4_request")
}

// get is GetSecretValue: the version that has a stage.
func (a *standIn) get(w http.ResponseWriter, r *http.Request, body []byte) {
	if !a.lent(r.Header) {
		a.refuse(w, "UnrecognizedClientException")
		return
	}
	var in struct{ SecretId, VersionStage string }
	if err := json.Unmarshal(body, &in); err != nil {
		a.refuse(w, "SerializationException")
		return
	}
	version := a.stages[cmp.Or(in.VersionStage, "AWSCURRENT")]
	if in.SecretId != a.secret || version == "" {
		a.refuse(w, "ResourceNotFoundException")
		return
	}
	stages := slices.DeleteFunc(slices.Collect(maps.Keys(a.stages)), func(stage string) bool { return a.stages[stage] != version })
	a.saw.reads++
	if !slices.Contains(stages, "AWSCURRENT") {
		a.saw.notCurrent++
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	_ = json.NewEncoder(w).Encode(map[string]any{"Name": in.SecretId, "VersionId": version, "VersionStages": stages, "SecretString": a.texts[version]})
}
