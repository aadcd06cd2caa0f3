// Package awsvault issues what stands in AWS Secrets Manager.
//
//	b, err := awsvault.New("eu-central-1", awsvault.Credentials{WebIdentity: &awsvault.WebIdentity{
//		RoleARN: "arn:aws:iam::123456789012:role/payroll",
//		Tokens:  awsvault.TokenFile("/var/run/secrets/eks.amazonaws.com/serviceaccount/token"),
//	}}, &awsvault.Options{Prefix: "prod/"})
//	v, err := vault.New(log, b, nil)
//
// # Guarantees
//
// What is issued is the version that is AWSCURRENT, asked for by that name, and checked: an
// answer of another name, or without that stage, such as one that is AWSPENDING only,
// issues nothing. Issued.Version is the VersionId, so that vault.Bind notices a rotation,
// and builds what it keeps anew.
//
// A flat JSON object of strings and numbers is its fields, as Secrets Manager itself writes
// a database login; a number is its text. Anything else, also an object with a name twice,
// is one field as it stands, named Options.Field, and so is a binary secret.
//
// Nothing comes from the environment: no variable AWS_*, no shared file, no metadata service
// and no proxy is used, or leaves the process as a header. Who wants the ambient chain of the
// SDK takes package config of it, and passes what that found as Credentials.Provider.
//
// One Issue is one request, to the host of the region or of Options.Endpoint: nothing is
// retried, and no redirect is followed. A session of WebIdentity or Provider is cached until
// a minute or two before its end, or until Secrets Manager says that it has ended or is not
// known; however many wait for the next, one asks. A refused login is not repeated for 5
// seconds. No secret is cached. Each request, and each login, takes 30 seconds at
// most, and an answer 8 MiB.
//
// A backend gets the deadline and the cancellation of a caller's context, and none of its
// values. The SDK logs and traces nothing.
//
// # Limits
//
// The far side knows a caller by its role alone: that is to be allowed
// secretsmanager:GetSecretValue for the names below Options.Prefix, BatchGetSecretValue for
// IssueAll, and nothing else. What the role may read beyond what a boundary declares, this
// package cannot see. Secrets of other accounts, which have no name but an ARN, are not
// issued. A secret whose name is no path of package vault (a-z, 0-9, '.', '_', '-' and '/')
// cannot be asked for; a Prefix may have upper case.
//
// Stored secrets cannot be revoked, and carry no end of their own; nothing is rotated here.
// Below this package keys, tokens and answers are strings of the SDK, and of net/http: they
// stay in memory until they are collected. The SDK corrects its clock by the answers' Date.
// TLS trusts the roots of the system.
//
// # Errors
//
// All are of package auth, and none has a name, an ARN, a request's id or a text of AWS.
// [auth.ErrUndeclared]: there is nothing of that name, it is marked for deletion, or has no
// current version; or a zero Vault. [auth.ErrDenied]: the role, the key of the secret (KMS),
// or the credentials do not permit it. [auth.ErrExpired]: the session or the token has ended,
// or the clocks differ. [auth.ErrInvalid]: what New was given; or a request or an answer that
// is none. [auth.ErrThrottled] and [auth.ErrUnavailable]: as AWS says, as an
// [auth.FailedError] with the wait that it asks for. [auth.ErrUnavailable] also where it does
// not answer, where the version is not the current one, and, with the context's error, where
// the caller left.
//
// # Concurrency
//
// A Vault is safe for concurrent use. A login under way goes on for those who wait when the
// caller that began it has left.
package awsvault

import (
	"context"
	"fmt"
	"net/http"
	"regexp"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/carnet-go/carnet/auth"
)

const (
	defaultField  = "value"
	longestPrefix = 200 // a name has 512 at most, and a path 255
)

var (
	regionPattern = regexp.MustCompile(`^[a-z]{2,8}(-[a-z0-9]{1,16}){1,4}$`)
	prefixPattern = regexp.MustCompile(`^[A-Za-z0-9/_+=.@-]*$`) // no colon: a name never becomes an ARN
	fieldPattern  = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)
)

// Vault is Secrets Manager in one region. It is a vault.Backend. A zero Vault has nothing.
type Vault struct {
	in func() *inner // a closure, so that no verb reaches the credentials
}

type inner struct {
	client    *secretsmanager.Client
	session   *session
	transport *http.Transport // nil: somebody else's
	prefix    string
	field     string
}

// Options of New. Nil means the documented defaults.
type Options struct {
	Prefix     string       // of names in Secrets Manager, before the path; empty: none
	Field      string       // that a secret has which is no flat JSON object; empty: "value"
	Endpoint   string       // https, or http on loopback, such as that of a VPC or FIPS; empty: the region's own
	HTTPClient *http.Client // whose Transport and Timeout are used; nil, or without a Transport: one of our own, without a proxy
}

// New asks nobody: wrong credentials show with the first Issue.
func New(region string, c Credentials, o *Options) (*Vault, error) {
	if o == nil {
		o = &Options{}
	}
	if !regionPattern.MatchString(region) {
		return nil, fmt.Errorf("%w: not the name of a region", auth.ErrInvalid)
	}
	if len(o.Prefix) > longestPrefix || !prefixPattern.MatchString(o.Prefix) {
		return nil, fmt.Errorf("%w: Prefix: a name has letters, digits and /_+=.@- only", auth.ErrInvalid)
	}
	in := &inner{prefix: o.Prefix, field: o.Field}
	if in.field == "" {
		in.field = defaultField
	}
	if !fieldPattern.MatchString(in.field) {
		return nil, fmt.Errorf("%w: Field: 1 to 64 letters, digits and ._-", auth.ErrInvalid)
	}
	endpoint, err := parseEndpoint(o.Endpoint)
	if err != nil {
		return nil, err
	}
	var calls caller
	calls, in.transport = newCaller(o.HTTPClient)
	if in.session, err = newSession(c, region, calls); err != nil {
		return nil, err
	}
	in.client = secretsmanager.New(secretsmanager.Options{
		Region: region, BaseEndpoint: endpoint, Credentials: in.session, HTTPClient: calls,
		Retryer: aws.NopRetryer{}, APIOptions: []func(*middleware.Stack) error{withoutEnvironment},
	})
	return &Vault{func() *inner { return in }}, nil
}

// Close ends idle connections, if they are of our own, and nothing else.
func (v *Vault) Close(context.Context) error {
	if in := v.inner(); in != nil && in.transport != nil {
		in.transport.CloseIdleConnections()
	}
	return nil
}

// inner is nil for what New did not make.
func (v *Vault) inner() *inner {
	if v == nil || v.in == nil {
		return nil
	}
	return v.in()
}

// withoutEnvironment takes out of the SDK what makes headers of _X_AMZN_TRACE_ID and
// AWS_EXECUTION_ENV.
func withoutEnvironment(stack *middleware.Stack) error {
	for _, id := range []string{"RecursionDetection", "UserAgent"} {
		if _, err := stack.Build.Remove(id); err != nil {
			return err
		}
	}
	return smithyhttp.SetHeaderValue("User-Agent", "carnet-awsvault")(stack)
}
