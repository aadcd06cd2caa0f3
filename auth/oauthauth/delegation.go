package oauthauth

import (
	"slices"

	"github.com/carnet-go/carnet/auth"
)

// maxActors is how long a chain may be, with the client in front.
const maxActors = 5

// actor is one of a chain: RFC 8693, section 4.1.
type actor struct {
	issuer, name string
	client       string // client_id; empty: not said
}

// is says whether it is the client: by its id, or its id as a subject.
func (a actor) is(client string) bool {
	return a.name == client && (a.client == "" || a.client == client)
}

// chain is who acts for the subject, outermost first; false: malformed, or too long.
// Without an issuer of its own an actor is of the token's.
func (j jwt) chain() (all []actor, ok bool) {
	act, more := j.claims["act"]
	for more {
		one, isObject := act.(object)
		if !isObject || len(all) == maxActors {
			return nil, false
		}
		a := actor{issuer: j.text("iss")}
		for name, into := range map[string]*string{"iss": &a.issuer, "sub": &a.name, "client_id": &a.client} {
			if v, there := one[name]; there {
				if *into, ok = v.(string); !ok || *into == "" {
					return nil, false
				}
			}
		}
		if a.name == "" {
			a.name = a.client
		}
		if a.name == "" {
			return nil, false
		}
		all = append(all, a)
		act, more = one["act"]
	}
	return all, true
}

// may says whether the client may act for the subject: every member of may_act that
// names somebody names the client, and one does (RFC 8693, section 4.4).
func (p *presented) may(client string) bool {
	said, there := p.jwt.claims["may_act"]
	if !there {
		return true
	}
	who, ok := said.(object)
	named := false
	for _, name := range []string{"sub", "client_id"} {
		if v, there := who[name]; there {
			ok = ok && v == client
			named = true
		}
	}
	if iss, there := who["iss"]; there {
		ok = ok && iss == p.jwt.claims["iss"]
	}
	return ok && named
}

// delegated says whether the new token says of the delegation what the caller's did.
// It may say nothing only where the system's owner declared that the log is enough.
func (o order) delegated(j jwt, client string) bool {
	got, ok := j.chain()
	if !ok {
		return false
	}
	if len(got) == 0 && o.system.Delegation == auth.AuditOnly {
		return true
	}
	if len(got) == len(o.presented.chain)+1 && got[0].is(client) {
		got = got[1:]
	}
	return slices.EqualFunc(got, o.presented.chain, func(a, b actor) bool { return a.issuer == b.issuer && a.name == b.name })
}
