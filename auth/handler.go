package auth

import (
	"errors"
	"net/http"

	"github.com/carnet-go/carnet/auth/internal/answer"
)

// Handler admits the caller of each request and hands the principal to fn as an
// argument. An error that fn returns before it writes becomes a status and, where
// there is one, an RFC 6750 or RFC 9470 challenge; its text never leaves.
func (g *Gate) Handler(fn func(w http.ResponseWriter, r *http.Request, p Principal) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		presented := FromRequest(r)
		p, err := g.Admit(r.Context(), presented)
		if err != nil {
			answer.TurnAway(w, errors.Is(err, ErrUnavailable), presented.Scheme != SchemeNone)
			return
		}
		watched := &answer.Watched{ResponseWriter: w}
		if fn == nil {
			answer.Plain(w, http.StatusInternalServerError)
			return
		}
		if err := fn(watched, r, p); err != nil && !watched.Wrote {
			answerError(w, err)
		}
	})
}

// answerError answers for what fn returned.
func answerError(w http.ResponseWriter, err error) {
	var e answer.Error
	if known(err) != nil {
		e.Class = reason(err)
	}
	if denied, ok := errors.AsType[*DeniedError](err); ok {
		e.Challenge = denied.Challenge()
	}
	if failed, far := errors.AsType[*FailedError](err); far {
		e.Far, e.RetryAfter = true, failed.RetryAfter
	}
	e.Write(w)
}
