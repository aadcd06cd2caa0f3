package auth

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/carnet-go/carnet/audit"
)

// recordWithin bounds the recording of what has happened already: it must reach
// the log although whoever asked for it has left.
const recordWithin = 10 * time.Second

// record appends an event. Whoever cannot be sure that it is in the log must not
// go on: the error is ErrUnavailable.
func (g *Gate) record(ctx context.Context, e audit.Event) error {
	if _, err := g.log.Append(ctx, e); err != nil {
		if ended := ctx.Err(); ended != nil {
			return fmt.Errorf("%w: not recorded: %w", ErrUnavailable, ended)
		}
		return fmt.Errorf("%w: not recorded", ErrUnavailable)
	}
	return nil
}

// recordAnyway records a refusal, which must be known although the caller has left.
func (g *Gate) recordAnyway(ctx context.Context, e audit.Event) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordWithin)
	defer cancel()
	err := g.record(ctx, e)
	if err != nil {
		g.logger.Error("auth: a refusal was not recorded")
	}
	return err
}

// event is an event of the gate itself.
func (g *Gate) event(action string) audit.Event {
	return audit.Event{Tenant: g.boundary.catalogue.tenant, Action: action, Boundary: g.boundary.hash, Build: g.build}
}

// recordBoundary logs which boundary is in force and what it permits: the whole
// population, so that a review can tell what was never used.
func (g *Gate) recordBoundary(ctx context.Context) error {
	e := g.event("gate.open")
	e.Outcome = audit.OutcomeSuccess
	if err := g.record(ctx, e); err != nil {
		return err
	}
	entitler, ok := g.boundary.decider.(Entitler)
	if !ok {
		return nil
	}
	for _, entitlement := range entitler.Entitlements() {
		e := g.event(entitlement.Operation)
		e.Reason, e.Rule, e.RuleAt = "entitled", entitlement.Permit, entitlement.PermitAt
		e.NotAfter = entitlement.Until // the outcome stays unknown: nothing was done
		if op, ok := g.boundary.operations[entitlement.Operation]; ok {
			e.System, e.Zone, e.Jurisdictions = op.system.Name, op.system.Zone, op.system.Jurisdictions
			e.Effect, e.Privileged = op.operation.Effect.String(), op.operation.Privileged
		}
		if err := g.record(ctx, e); err != nil {
			return err
		}
	}
	return nil
}

func (g *Gate) recordRefusals(ctx context.Context, counts map[string]int) {
	for _, why := range slices.Sorted(maps.Keys(counts)) {
		e := g.event("gate.refuse")
		e.Decision, e.Reason, e.Count, e.Outcome = Denied.String(), why, counts[why], audit.OutcomeFailure
		_ = g.recordAnyway(ctx, e)
	}
}
