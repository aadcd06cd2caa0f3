package hashivault

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"

	"github.com/carnet-go/carnet/auth"
)

// FromEnv reads what New takes from the environment, which New itself never does:
//
//	VAULT_ADDR         origin
//	VAULT_NAMESPACE    Options.Namespace
//	VAULT_CACERT       file of Options.RootCAs, in PEM
//	VAULT_ROLE_ID      Login.RoleID
//	VAULT_SECRET_ID    Login.SecretID
//	VAULT_CLIENT_CERT  file of Login.Certificate, in PEM, with VAULT_CLIENT_KEY; used where there is no VAULT_ROLE_ID
//	VAULT_CLIENT_KEY   file of its key
//
// Nothing else is read: no VAULT_TOKEN, no VAULT_SKIP_VERIFY, no proxy. Where the name in
// VAULT_ADDR resolves to a private address, the caller sets Options.Private before New: no
// variable opens a range.
//
//	origin, login, o, err := hashivault.FromEnv()
//	…
//	o.Private = []string{"10.20.0.0/16"}
//	backend, err := hashivault.New(ctx, origin, login, o)
func FromEnv() (origin string, l Login, o *Options, err error) {
	if os.Getenv("VAULT_ADDR") == "" {
		return "", Login{}, nil, fmt.Errorf("%w: VAULT_ADDR is not set", auth.ErrInvalid)
	}
	o = &Options{Namespace: os.Getenv("VAULT_NAMESPACE")}
	l = Login{RoleID: os.Getenv("VAULT_ROLE_ID"), SecretID: auth.NewSecret([]byte(os.Getenv("VAULT_SECRET_ID")))}
	if name := os.Getenv("VAULT_CACERT"); name != "" {
		b, err := os.ReadFile(name)
		o.RootCAs = x509.NewCertPool()
		if err != nil || !o.RootCAs.AppendCertsFromPEM(b) {
			return "", Login{}, nil, fmt.Errorf("%w: VAULT_CACERT is no file of certificates", auth.ErrInvalid)
		}
	}
	if name := os.Getenv("VAULT_CLIENT_CERT"); name != "" && l.RoleID == "" {
		pair, err := tls.LoadX509KeyPair(name, os.Getenv("VAULT_CLIENT_KEY"))
		if err != nil {
			return "", Login{}, nil, fmt.Errorf("%w: VAULT_CLIENT_CERT and VAULT_CLIENT_KEY are no files of a certificate and its key", auth.ErrInvalid)
		}
		l.Certificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
	}
	return os.Getenv("VAULT_ADDR"), l, o, nil
}
