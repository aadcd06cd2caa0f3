package awsvault

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/carnet-go/carnet/auth"
)

// system is what errors call the far side.
const system = "aws"

// left is the error of a caller that has left.
func left(ctx context.Context) error { return fmt.Errorf("%w: %w", auth.ErrUnavailable, ctx.Err()) }

// failed is what err is, and nothing else of it. A session that was refused is not used
// again: it may have ended early, or been revoked. That it may not do what was asked is no
// reason to log in anew.
func (in *inner) failed(ctx context.Context, by *signature, err error) error {
	if said, ok := errors.AsType[smithy.APIError](err); ok && ofSession(said.ErrorCode()) {
		in.session.refused(by.key)
	}
	if ctx.Err() != nil {
		return left(ctx)
	}
	return failure(err)
}

// ofSession says whether an error of AWS is about the session, not about what was asked.
func ofSession(code string) bool {
	switch code {
	case "ExpiredToken", "ExpiredTokenException", "UnrecognizedClientException", "InvalidClientTokenId", "InvalidAccessKeyId":
		return true
	}
	return false
}

// failure tells on which side it is.
func failure(err error) error {
	if ours, ok := errors.AsType[*auth.FailedError](err); ok { // of the login
		return ours
	}
	for _, known := range []error{
		auth.ErrDenied, auth.ErrForeign, auth.ErrUndeclared, auth.ErrInvalid, auth.ErrExpired, auth.ErrThrottled, auth.ErrUnavailable, auth.ErrUnknown,
	} {
		if errors.Is(err, known) {
			return known
		}
	}
	if errors.Is(err, errHuge) {
		return auth.ErrInvalid
	}
	answered, ok := errors.AsType[*smithyhttp.ResponseError](err)
	if !ok || answered.Response == nil || answered.Response.Response == nil || answered.HTTPStatusCode() == 0 {
		return auth.ErrUnavailable // nobody answered
	}
	status := answered.HTTPStatusCode()
	side := byStatus(status)
	if said, ok := errors.AsType[smithy.APIError](err); ok {
		if named := byCode(said.ErrorCode(), said.ErrorMessage()); named != nil {
			side = named
		}
	}
	if side != auth.ErrThrottled && side != auth.ErrUnavailable {
		return side
	}
	return &auth.FailedError{Side: side, System: system, Status: status, RetryAfter: retryAfter(answered.Response.Header.Get("Retry-After"))}
}

// byCode is the side of an error that AWS names; nil: it is not known here.
func byCode(code, message string) error {
	switch code {
	case "ResourceNotFoundException":
		return auth.ErrUndeclared
	case "InvalidRequestException":
		if strings.Contains(strings.ToLower(message), "marked for deletion") {
			return auth.ErrUndeclared
		}
		return auth.ErrInvalid
	case "AccessDenied", "AccessDeniedException", "DecryptionFailure", "UnrecognizedClientException", "InvalidClientTokenId", "InvalidAccessKeyId",
		"InvalidSignatureException", "SignatureDoesNotMatch", "IncompleteSignature", "IncompleteSignatureException", "MissingAuthenticationToken",
		"MissingAuthenticationTokenException", "AuthFailure", "NotAuthorized", "OptInRequired", "RegionDisabledException", "InvalidIdentityToken",
		"IDPRejectedClaim":
		return auth.ErrDenied
	case "ExpiredToken", "ExpiredTokenException", "RequestExpired", "RequestTimeTooSkewed":
		return auth.ErrExpired
	case "Throttling", "ThrottlingException", "ThrottledException", "RequestThrottled", "RequestThrottledException", "RequestLimitExceeded",
		"TooManyRequestsException", "LimitExceededException", "SlowDown":
		return auth.ErrThrottled
	case "InternalServiceError", "InternalServiceErrorException", "InternalFailure", "InternalError", "ServiceUnavailable",
		"ServiceUnavailableException", "IDPCommunicationError":
		return auth.ErrUnavailable
	}
	return nil
}

// byStatus is the side of an answer that says nothing else.
func byStatus(status int) error {
	switch {
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return auth.ErrDenied
	case status == http.StatusTooManyRequests:
		return auth.ErrThrottled
	case status >= http.StatusInternalServerError:
		return auth.ErrUnavailable
	}
	return auth.ErrInvalid
}

// retryAfter is what a header asks for, at most a day (RFC 9110, section 10.2.3).
func retryAfter(value string) time.Duration {
	var wait time.Duration
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		wait = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(value); err == nil {
		wait = time.Until(at)
	}
	return max(0, min(wait, 24*time.Hour))
}
