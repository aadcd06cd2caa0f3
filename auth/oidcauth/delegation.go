package oidcauth

import (
	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/auth"
)

// delegation follows RFC 8693, sections 4.1 and 4.4.
func (c claims) delegation(id *auth.Identity) error {
	if may, ok := c.get("may_act"); ok && !c.mayAct(may) {
		return errDelegation
	}
	act, acting := c.get("act")
	for acting {
		actor, ok := c.actor(act)
		if !ok || len(id.Actors) == maxActors {
			return errDelegation
		}
		id.Actors = append(id.Actors, actor)
		act, acting = act.get("act")
	}
	return nil
}

// actor is one of a chain. Without an issuer of its own it is of the token's.
func (c claims) actor(act value) (audit.Actor, bool) {
	if !act.distinct("sub", "iss", "act") {
		return audit.Actor{}, false
	}
	a := audit.Actor{Issuer: c.v.issuer}
	sub, _ := act.get("sub")
	a.Subject = sub.text
	if iss, ok := act.get("iss"); ok {
		a.Issuer = iss.text
		if iss.kind != text || !word(iss.text) {
			return a, false
		}
	}
	return a, sub.kind == text && printable(sub.text)
}

// mayAct says whether the party that may act is the one that the token is for:
// every member that names it names us, and one does.
func (c claims) mayAct(may value) bool {
	if !may.distinct("sub", "client_id", "iss") || !may.has("sub", "client_id") {
		return false
	}
	for _, name := range []string{"sub", "client_id"} {
		if m, ok := may.get(name); ok && (m.kind != text || m.text != c.v.audience) {
			return false
		}
	}
	iss, ok := may.get("iss")
	return !ok || iss.kind == text && iss.text == c.v.issuer
}
