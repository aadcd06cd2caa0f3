package awsvault_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/gob"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/vault/awsvault"
)

const canary = "c4n4ry-N3ver-2be-s33n"

// noCanary searches for the secret, in the forms that printing gives it, and for what
// else must not be seen.
func noCanary(t *testing.T, where, text string, more ...string) {
	t.Helper()
	for _, form := range append([]string{
		canary, strings.ToLower(canary), base64.StdEncoding.EncodeToString([]byte(canary)), hex.EncodeToString([]byte(canary)),
		strings.ToUpper(hex.EncodeToString([]byte(canary))), strings.Trim(fmt.Sprint([]byte(canary)), "[]"), strings.Trim(fmt.Sprintf("% x", canary), "[]"),
	}, more...) {
		if strings.Contains(text, form) {
			t.Errorf("%s shows %q", where, form)
		}
	}
}

// TestErrorsHoldNothing: whatever AWS says, neither its text nor a name, a key or a token
// comes back.
func TestErrorsHoldNothing(t *testing.T) {
	f := start(t)
	f.put("crm/api", canary)
	path := strings.ToLower(canary)
	secret := []string{"arn:", "req-4711", path, "127.0.0.1", accessKey, secretKey, "oidc-1", "eu-central-1", "amazonaws"}
	errs := map[string]error{}
	add := func(name string, b *awsvault.Vault) {
		_, errs[name+" Issue"] = b.Issue(t.Context(), path)
		errs[name+" IssueAll"] = b.IssueAll(t.Context(), []string{path})[path].Err
	}
	for code := range answered {
		f.hook = say(400, map[string]any{"__type": code, "message": canary + " arn:aws:x"})
		add(code, f.vault(t, nil))
	}
	for name, raw := range garbage {
		f.hook = func(w http.ResponseWriter, _ *http.Request, _ string) { _, _ = fmt.Fprintf(w, raw, canary, path) }
		add(name, f.vault(t, nil))
	}
	f.hook = nil
	add("unknown", f.vault(t, nil))
	add("login", f.with(t, awsvault.Credentials{WebIdentity: f.identity(tokens{err: errors.New(canary)})}, nil))
	add("token", f.with(t, awsvault.Credentials{WebIdentity: f.identity(&counted{wrong: canary})}, nil))
	add("signature", f.with(t, awsvault.Credentials{Keys: keys(accessKey, canary, "")}, nil))
	add("provider", f.with(t, awsvault.Credentials{Provider: broken{errors.New(canary)}}, nil))
	add("nobody", f.with(t, static(), &awsvault.Options{Endpoint: "https://" + path + ".invalid"}))
	for name, o := range map[string]*awsvault.Options{
		"prefix": {Prefix: canary + ":"}, "field": {Field: canary + " "}, "endpoint": {Endpoint: "http://" + canary}, "url": {Endpoint: ":" + canary},
	} {
		_, errs[name] = awsvault.New("eu-central-1", static(), o)
	}
	_, errs["region"] = awsvault.New(canary, static(), nil)
	_, errs["role"] = awsvault.New("eu-central-1", awsvault.Credentials{WebIdentity: &awsvault.WebIdentity{RoleARN: canary, Tokens: &counted{}}}, nil)
	_, errs["file"] = awsvault.TokenFile("/" + canary).Token(t.Context())
	for name, err := range errs {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
		for e := err; e != nil; e = errors.Unwrap(e) {
			noCanary(t, name, fmt.Sprintf("%v %+v %#v %q", e, e, e, e), secret...)
		}
		if _, ok := errors.AsType[interface {
			error
			FailureClass() string
		}](err); !ok {
			t.Errorf("%s: %v is none of package auth", name, err)
		}
	}
	if len(errs) < 50 {
		t.Errorf("only %d errors", len(errs))
	}
}

// TestNothingPrintsASecret: neither what is configured, nor the Vault, with a session in
// it, nor what it issues.
func TestNothingPrintsASecret(t *testing.T) {
	f := start(t)
	f.put("crm/api", canary)
	f.roleKey = canary
	token := auth.NewSecret([]byte("oidc-" + canary))
	w := f.identity(tokensFunc(func(context.Context) (auth.Secret, error) { return token, nil }))
	b := f.with(t, awsvault.Credentials{WebIdentity: w}, nil)
	issued, err := b.Issue(t.Context(), "crm/api")
	if err != nil || !issued.Fields["value"].Equal([]byte(canary)) {
		t.Fatal(err)
	}
	config := awsvault.Credentials{Keys: keys(canary, canary, canary)}
	by := f.with(t, awsvault.Credentials{Keys: keys(accessKey, canary, "")}, nil)
	if _, err := by.Issue(t.Context(), "crm/api"); !errors.Is(err, auth.ErrDenied) {
		t.Error(err)
	}
	for name, value := range map[string]any{
		"Vault": b, "Vault value": *b, "Vault field": struct{ v *awsvault.Vault }{b}, "Vault of keys": by, "Issued": issued, "Issued field": struct{ i any }{issued},
		"Answer": b.IssueAll(t.Context(), []string{"crm/api"}), "Credentials": config, "Credentials pointer": &config, "Keys": config.Keys, "WebIdentity": *w,
	} {
		for _, verb := range strings.Fields("%v %+v %#v %s %q %x %X %d %c %U %o %t %p %e %w %10.3v") {
			noCanary(t, name+" "+verb, fmt.Sprintf(verb, value))
		}
		var text, lines, binary bytes.Buffer
		slog.New(slog.NewTextHandler(&text, nil)).Info("x", "v", value)
		slog.New(slog.NewJSONHandler(&lines, nil)).Info("x", "v", value)
		noCanary(t, name+" slog", text.String()+lines.String())
		out, err := json.Marshal(value)
		noCanary(t, name+" json", string(out)+fmt.Sprint(err))
		err = gob.NewEncoder(&binary).Encode(value)
		noCanary(t, name+" gob", binary.String()+fmt.Sprint(err))
	}
}

// TestNothingIsLogged: neither good nor bad calls write anything.
func TestNothingIsLogged(t *testing.T) {
	var out bytes.Buffer
	old, writer := slog.Default(), log.Writer()
	log.SetOutput(&out)
	slog.SetDefault(slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug})))
	defer func() { slog.SetDefault(old); log.SetOutput(writer) }()
	printed := stderr(t, func() {
		f := start(t)
		f.put("crm/api", canary)
		b := f.vault(t, nil)
		_, _ = b.Issue(t.Context(), "crm/api")
		f.hook = say(400, map[string]any{"__type": "ThrottlingException", "message": canary})
		_, _ = b.Issue(t.Context(), "crm/api")
		f.hook = say(500, canary)
		_, _ = b.Issue(t.Context(), "crm/api")
	})
	if out.Len() > 0 || printed != "" {
		t.Errorf("%q, %q", out.String(), printed)
	}
}
