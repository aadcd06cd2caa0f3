package oidcauth

import (
	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/internal/strictjson"
)

// delegation follows RFC 8693, sections 4.1 and 4.4.
func (c claims) delegation(id *auth.Identity) error {
	if may, ok := c.Get("may_act"); ok && !c.mayAct(may) {
		return errDelegation
	}
	act, acting := c.Get("act")
	for acting {
		actor, ok := c.actor(act)
		if !ok || len(id.Actors) == maxActors {
			return errDelegation
		}
		id.Actors = append(id.Actors, actor)
		act, acting = act.Get("act")
	}
	return nil
}

// actor is one of a chain. Without an issuer of its own it is of the token's.
func (c claims) actor(act strictjson.Value) (audit.Actor, bool) {
	if !act.Distinct("sub", "iss", "act") {
		return audit.Actor{}, false
	}
	a := audit.Actor{Issuer: c.v.issuer}
	sub, _ := act.Get("sub")
	a.Subject = sub.Text
	if iss, ok := act.Get("iss"); ok {
		a.Issuer = iss.Text
		if iss.Kind != strictjson.Text || !word(iss.Text) {
			return a, false
		}
	}
	return a, sub.Kind == strictjson.Text && printable(sub.Text)
}

// mayAct says whether the party that may act is this service: every member that names it names us, and one does.
func (c claims) mayAct(may strictjson.Value) bool {
	if !may.Distinct("sub", "client_id", "iss") || !may.Has("sub", "client_id") {
		return false
	}
	for _, name := range []string{"sub", "client_id"} {
		if m, ok := may.Get(name); ok && (m.Kind != strictjson.Text || m.Text != c.v.actor) {
			return false
		}
	}
	iss, ok := may.Get("iss")
	return !ok || iss.Kind == strictjson.Text && iss.Text == c.v.issuer
}
