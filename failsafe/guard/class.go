package guard

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"syscall"
)

// Class is what a failure means for the next attempt. The zero Class is Permanent.
type Class uint8

// The classes.
const (
	Permanent Class = iota // never again; whatever is not classified
	Denied                 // never again with this credential
	Unknown                // it may have happened
	Expired                // again with a fresh credential
	Transient              // nothing has happened; again
	Throttled              // nothing has happened; again, later
	Rejected               // nothing was sent: a guard let nothing through
	Cancelled              // the caller left
)

// severity orders the classes, the most severe first: of joined errors that one counts.
var severity = [...]Class{Denied, Permanent, Unknown, Expired, Transient, Throttled, Rejected, Cancelled}

var classNames = [...]string{"permanent", "denied", "unknown", "expired", "transient", "throttled", "rejected", "cancelled"}

// String is the class in one word.
func (c Class) String() string {
	if int(c) >= len(classNames) {
		c = Permanent
	}
	return classNames[c]
}

// classOf is the class that an error calls itself by: names of classes, and of the
// sides of package auth. Everything else is permanent.
func classOf(name string) Class {
	switch name {
	case "unavailable":
		return Transient
	default:
		return Class(max(0, slices.Index(classNames[:], name)))
	}
}

// Classify finds the class of an error. An error says its own by FailureClass() string;
// of others, those of context, net, crypto/tls and io are known. What is joined has the
// most severe class of its parts. Nil, and what nobody knows, is Permanent.
func Classify(err error) Class {
	class, _ := classify(err)
	return class
}

// Known says whether Classify knows the error, or only takes it for Permanent.
func Known(err error) bool {
	_, known := classify(err)
	return known
}

// classify also says whether anybody knew the error.
func classify(err error) (class Class, known bool) {
	walk(err, func(e error) bool {
		found, ok := classOfError(e)
		if ok && (!known || slices.Index(severity[:], found) < slices.Index(severity[:], class)) {
			class, known = found, true
		}
		return !ok // what is known speaks for all that it wraps
	})
	return class, known
}

// most is how many errors of a tree are looked at: one that wraps itself has no end.
const most = 1000

// walk visits an error and what it wraps, parents first; visit says whether to go into
// what this one wraps.
func walk(err error, visit func(error) bool) {
	pending, seen := []error{err}, 0
	for len(pending) > 0 && seen < most {
		e := pending[0]
		pending, seen = pending[1:], seen+1
		if e == nil || !visit(e) {
			continue
		}
		switch w := e.(type) {
		case interface{ Unwrap() error }:
			pending = append(pending, quietly(w.Unwrap))
		case interface{ Unwrap() []error }:
			pending = append(pending, quietly(w.Unwrap)...)
		}
	}
}

// quietly calls a method that may panic on a typed nil.
func quietly[T any](method func() T) (value T) {
	defer func() { _ = recover() }()
	return method()
}

func classOfError(err error) (class Class, known bool) {
	if says, ok := err.(interface{ FailureClass() string }); ok {
		return classOf(quietly(says.FailureClass)), true
	}
	switch err {
	case context.Canceled:
		return Cancelled, true
	case context.DeadlineExceeded, io.EOF, io.ErrUnexpectedEOF, net.ErrClosed:
		return Unknown, true // it was cut off, and nobody knows where
	}
	switch e := err.(type) {
	case *net.OpError:
		if e != nil && e.Op == "dial" {
			return dialed(e), true
		}
	case *net.DNSError:
		if e != nil && !e.IsNotFound {
			return Transient, true
		}
		return Permanent, true
	case *tls.CertificateVerificationError, x509.CertificateInvalidError, x509.HostnameError, x509.UnknownAuthorityError, tls.RecordHeaderError, tls.AlertError:
		return Permanent, true
	case syscall.Errno:
		return errno(e), true
	case net.Error:
		if _, wraps := err.(interface{ Unwrap() error }); !wraps && quietly(e.Timeout) {
			return Unknown, true // what wraps only passes on what it was told, and a dial says more
		}
	}
	return Permanent, false
}

// dialed is a connection that was never made: nothing can have happened.
func dialed(err *net.OpError) Class {
	if dns, ok := errors.AsType[*net.DNSError](err.Err); ok && dns.IsNotFound {
		return Permanent
	}
	return Transient
}

func errno(e syscall.Errno) Class {
	switch e {
	case syscall.ECONNREFUSED, syscall.EHOSTUNREACH, syscall.ENETUNREACH, syscall.EADDRNOTAVAIL:
		return Transient
	case syscall.ECONNRESET, syscall.ECONNABORTED, syscall.EPIPE, syscall.ETIMEDOUT:
		return Unknown
	}
	return Permanent
}

// ClassifyStatus finds the class of an HTTP status; ok: it is no failure, which is all
// below 400. A redirect is for whoever follows it. What failed with 5xx may have
// happened; with 503 it has not.
func ClassifyStatus(status int) (class Class, ok bool) {
	switch {
	case status < http.StatusBadRequest:
		return Permanent, true
	case status == http.StatusUnauthorized:
		return Expired, false
	case status == http.StatusForbidden, status == http.StatusProxyAuthRequired:
		return Denied, false
	case status == http.StatusTooManyRequests:
		return Throttled, false
	case status == http.StatusServiceUnavailable:
		return Transient, false
	case status == http.StatusNotImplemented, status == http.StatusHTTPVersionNotSupported, status < 500:
		return Permanent, false
	}
	return Unknown, false
}
