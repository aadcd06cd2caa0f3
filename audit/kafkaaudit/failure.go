package kafkaaudit

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/carnet-go/carnet/audit"
)

const (
	classInvalid     = "invalid"
	classDenied      = "denied"
	classThrottled   = "throttled"
	classUnavailable = "unavailable"
)

var (
	// ErrTooLarge means that the topic does not take a line of 65,535 bytes.
	ErrTooLarge = refused("the topic takes no such batch: its max.message.bytes has to be 66560 or more")
	// ErrNoTopic means that there is no such topic. None is created.
	ErrNoTopic = refused("there is no such topic, or nobody told this client of it")
	// ErrCompacted means that the topic is compacted: it would keep one line of a log.
	ErrCompacted = refused("the topic is compacted: its cleanup.policy has to be delete")
	// ErrTooOld means that the brokers know no idempotent producers.
	ErrTooOld = refused("the brokers are too old for an idempotent producer")

	errOptions = refused("options that no client takes")
)

func invalid() error { return &audit.SinkError{Class: classInvalid} }

func refused(why string) error { return fmt.Errorf("kafkaaudit: %s: %w", why, invalid()) }

var (
	tooLarge  = []error{kerr.MessageTooLarge, kerr.RecordListTooLarge}
	noTopic   = []error{kerr.UnknownTopicOrPartition, kerr.UnknownTopicID, kerr.InvalidTopicException}
	denied    = []error{kerr.TopicAuthorizationFailed, kerr.ClusterAuthorizationFailed, kerr.SaslAuthenticationFailed, kerr.UnsupportedSaslMechanism, kerr.IllegalSaslState, kerr.SecurityDisabled}
	throttled = []error{kerr.ThrottlingQuotaExceeded}
	unfit     = []error{kerr.InvalidRecord, kerr.InvalidTimestamp, kerr.PolicyViolation, kerr.UnsupportedForMessageFormat, kerr.InvalidRequiredAcks}
)

// errorOf is what went wrong. Of the client's own error nothing is kept: it has addresses,
// topics and what brokers say.
func errorOf(ctx context.Context, err error) error {
	is := func(list []error) bool {
		return slices.ContainsFunc(list, func(e error) bool { return errors.Is(err, e) })
	}
	switch {
	case is([]error{ErrTooOld, ErrCompacted, errOptions}):
		return err
	case is(tooLarge):
		return ErrTooLarge
	case is(noTopic):
		return ErrNoTopic
	case is(denied) || refusedByTLS(err):
		return &audit.SinkError{Class: classDenied}
	case is(unfit):
		return invalid()
	case is(throttled):
		return &audit.SinkError{Class: classThrottled}
	case ctx.Err() != nil:
		return ctx.Err()
	}
	return &audit.SinkError{Class: classUnavailable}
}

// refusedByTLS says whether one side did not take the other's certificate.
func refusedByTLS(err error) bool {
	var foreign *tls.CertificateVerificationError
	var remote *net.OpError
	return errors.As(err, &foreign) || errors.As(err, &remote) && remote.Op == "remote error"
}
