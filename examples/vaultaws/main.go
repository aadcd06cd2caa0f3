// Vaultaws: a service whose key stands in AWS Secrets Manager, and is rotated there while it
// serves; nobody restarts it, and it logs in with its own OIDC token alone.
//
//	go run ./examples/vaultaws             # a stand-in for AWS, that rotates the secret once
//	go run ./examples/vaultaws -region eu-central-1 -role-arn ARN -token-file FILE -prefix prod/ -secret erp/db
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/audit/verify"
	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/vault"
	"github.com/carnet-go/carnet/vault/awsvault"
)

// settings say which AWS, as whom, and what is asked of it.
type settings struct {
	region, roleARN, tokenFile string // no region: a stand-in
	prefix, secret, field      string
	every                      time.Duration
}

// client stands for what a driver makes of a login, such as a pool of connections.
type client struct {
	version string // of the secret
	key     []byte
	closed  chan struct{}
}

// build makes a client of what is leased. It copies what it keeps: the lease's own bytes
// are the vault's, which overwrites them when the lease has ended.
func (s settings) build(_ context.Context, l *auth.Lease) (*client, error) {
	key, err := l.Secret(s.field)
	if err != nil {
		return nil, err
	}
	c := &client{version: l.Version(), closed: make(chan struct{})}
	err = key.Use(func(b []byte) error { c.key = bytes.Clone(b); return nil })
	return c, err
}

// end is called once, when nobody uses a client any more, or those who do have had their time.
func end(_ context.Context, c *client) error {
	clear(c.key)
	close(c.closed)
	return nil
}

func (c *client) open() bool {
	select {
	case <-c.closed:
		return false
	default:
		return true
	}
}

// backend asks in a session that STS lends for the token of a file, such as the one that
// Kubernetes keeps fresh for a service account. No variable AWS_*, shared file or metadata
// service is asked, so none of them can be who it is.
func backend(s settings, far *standIn) (*awsvault.Vault, error) {
	who := &awsvault.WebIdentity{RoleARN: s.roleARN, Tokens: awsvault.TokenFile(s.tokenFile), SessionName: "vaultaws"}
	o := &awsvault.Options{Prefix: s.prefix}
	if far != nil { // otherwise the hosts of the region, and the roots of the system
		who.Endpoint, o.Endpoint, o.HTTPClient = far.URL, far.URL, far.Client()
	}
	return awsvault.New(s.region, awsvault.Credentials{WebIdentity: who}, o)
}

// serve keeps a client up to date while the log is open.
func serve(ctx context.Context, out io.Writer, log *audit.Log, s settings, far *standIn) (err error) {
	late := context.WithoutCancel(ctx) // what is lent is given back, whoever has left
	from, err := backend(s, far)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, from.Close(late)) }()
	v, err := vault.New(log, from, &vault.Options{Own: []string{s.secret}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, v.Close(late)) }()
	fmt.Fprintf(out, "asks for %s%s as %s, with a token of its own\n", s.prefix, s.secret, s.roleARN)
	current, err := vault.Bind(ctx, v.Own(s.secret), s.build, &vault.BindOptions[*client]{Every: s.every, Close: end})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, current.Close(late)) }()
	return follow(ctx, out, current, far)
}

// follow uses a client over a rotation, and says when it is done with it.
func follow(ctx context.Context, out io.Writer, current *vault.Bound[*client], far *standIn) error {
	first, done, err := current.Get(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "in use:", first.version)
	err = rotated(ctx, out, current, far)
	if err == nil {
		fmt.Fprintln(out, "the one before is still open for who uses it:", first.open())
	}
	done()
	if err != nil {
		return err
	}
	select {
	case <-first.closed:
		fmt.Fprintln(out, "and closed when he is done:", !first.open())
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// rotated returns when another version is in use. The stand-in rotates at once; of the real
// one it is waited for.
func rotated(ctx context.Context, out io.Writer, current *vault.Bound[*client], far *standIn) error {
	changed := current.Changed()
	if far != nil {
		if err := rotate(ctx, out, current, far); err != nil {
			return err
		}
	} else {
		fmt.Fprintln(out, "waits until it is rotated")
	}
	select {
	case <-changed:
	case <-ctx.Done():
		return ctx.Err()
	}
	next, err := current.Value(ctx)
	if err == nil {
		fmt.Fprintln(out, "noticed, in use:", next.version)
	}
	return err
}

// rotate is what the function does that AWS calls for a rotation: it stores a version that
// is pending, tries it on the system whose key it is, and then makes it the current one.
func rotate(ctx context.Context, out io.Writer, current *vault.Bound[*client], far *standIn) error {
	pending := far.store()
	began := time.Now()
	fmt.Fprintln(out, "pending at AWS:", pending)
	for current.Age() >= time.Since(began) { // until AWS was asked since, and had nothing new
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	now, err := current.Value(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "asked since, in use:", now.version)
	far.promote(pending)
	fmt.Fprintln(out, "current at AWS:", pending)
	return nil
}

// run serves, and then has the log verified, as a stranger does who has its key alone.
func run(ctx context.Context, out io.Writer, dir string, s settings, far *standIn) error {
	dir = filepath.Join(dir, "audit")
	if err := audit.Create(ctx, dir, "acme.example/payroll/a", nil); err != nil {
		return err
	}
	log, err := audit.Open(ctx, dir, nil)
	if err != nil {
		return err
	}
	if err := errors.Join(serve(ctx, out, log, s, far), log.Close(context.WithoutCancel(ctx))); err != nil {
		return err
	}
	if far != nil {
		fmt.Fprintln(out, "the stand-in saw:", far.seen())
	}
	report, err := verify.Dir(ctx, os.DirFS(dir), []string{log.Key()})
	fmt.Fprintln(out, "audit:", report)
	if len(report.Findings) > 0 {
		return errors.New("the log does not verify")
	}
	return err
}

func main() {
	var s settings
	flag.StringVar(&s.region, "region", "", "region of Secrets Manager and STS; empty: a stand-in")
	flag.StringVar(&s.roleARN, "role-arn", "", "role that STS lends for the token")
	flag.StringVar(&s.tokenFile, "token-file", "", "file of the token")
	flag.StringVar(&s.prefix, "prefix", "prod/", "of names in Secrets Manager")
	flag.StringVar(&s.secret, "secret", "erp/db", "name of the secret, behind the prefix")
	flag.StringVar(&s.field, "field", "password", `which of its fields; "value" where it is no JSON object`)
	flag.DurationVar(&s.every, "every", 0, "how often it is looked whether there is another version; zero: a minute, of the stand-in a second")
	flag.Parse()
	if flag.NArg() > 0 || s.region == "" && s.roleARN+s.tokenFile != "" {
		flag.Usage()
		os.Exit(2)
	}
	if err := start(s); err != nil {
		fmt.Fprintln(os.Stderr, "vaultaws:", err)
		os.Exit(1)
	}
}

func start(s settings) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	dir, err := os.MkdirTemp("", "vaultaws-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if s.region != "" {
		return run(ctx, os.Stdout, dir, s, nil)
	}
	far, err := stand(dir, &s)
	if err != nil {
		return err
	}
	defer far.Close()
	for name, value := range far.ambient() {
		if err := os.Setenv(name, value); err != nil {
			return err
		}
	}
	return run(ctx, os.Stdout, dir, s, far)
}
