package ldapauth

import (
	"errors"

	"github.com/carnet-go/carnet/auth"
	"github.com/go-ldap/ldap/v3"
)

// result is the code of the directory's answer (RFC 4511, appendix A); false: there was
// none. From 200 on the codes are the library's own.
func result(err error) (code uint16, ok bool) {
	if failed, is := errors.AsType[*ldap.Error](err); is && failed.ResultCode < ldap.ErrorNetwork {
		return failed.ResultCode, true
	}
	return 0, false
}

// sideOf says on which side a result is.
func sideOf(code uint16, effect auth.Effect) error {
	switch code {
	case ldap.LDAPResultReferral:
		return auth.ErrUndeclared
	case ldap.LDAPResultInappropriateAuthentication, ldap.LDAPResultInvalidCredentials, ldap.LDAPResultInsufficientAccessRights:
		return auth.ErrDenied
	case ldap.LDAPResultBusy:
		return auth.ErrUnavailable
	case ldap.LDAPResultUnavailable:
		if effect == auth.Once || effect == auth.Final {
			return auth.ErrUnknown // proxies say so when a server died under the request
		}
		return auth.ErrUnavailable
	case ldap.LDAPResultOther:
		if effect == auth.ReadOnly {
			return auth.ErrUnavailable
		}
		return auth.ErrUnknown
	default:
		return auth.ErrInvalid
	}
}
